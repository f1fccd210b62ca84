from collections import Counter


def test_a_scaling_group_launches_boots_and_becomes_healthy(site, world):
    site.scaling_group()
    members = site.group()["Instances"]
    assert [member["LifecycleState"] for member in members] == ["Pending", "Pending"]
    assert Counter(member["AvailabilityZone"] for member in members) == {"eu-central-1a": 1, "eu-central-1b": 1}
    assert site.health() == []
    world.pass_time(13)
    assert [member["LifecycleState"] for member in site.group()["Instances"]] == ["InService", "InService"]
    assert site.health() == [("initial", "Elb.RegistrationInProgress")] * 2
    world.pass_time(10)
    assert site.health() == [("initial", "Elb.InitialHealthChecking")] * 2
    world.pass_time(70)
    assert site.health() == [("healthy", None)] * 2
    targets = world.plane.tables[-1].groups[0].targets
    assert [target.state for target in targets] == ["healthy", "healthy"]
    assert {(target.address, target.port) for target in targets} == set(world.apps.answers)
