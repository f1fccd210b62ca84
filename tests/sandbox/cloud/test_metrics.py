"""What the balancers report, read by botocore's calls."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.clock import Calendar
from sandbox.cloud.watch import metrics_api
from sandbox.traffic import wire

BALANCER = "AWS/ApplicationELB"


def latency(**by_seconds):
    """A histogram with that many answers at those seconds."""
    counts = [0] * (len(wire.LATENCY_EDGES) + 1)
    for name, n in by_seconds.items():
        seconds = float(name.removeprefix("s").replace("_", "."))
        counts[sum(edge < seconds for edge in wire.LATENCY_EDGES)] += n
    return tuple(counts)


def dimensions(site, group=None):
    balancer = site.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
    found = [{"Name": "LoadBalancer", "Value": balancer}]
    return [{"Name": "TargetGroup", "Value": group.rpartition(":")[2]}, *found] if group else found


class Reader:
    def __init__(self, site, world, aws):
        self.site, self.watch, self.calendar = site, aws("cloudwatch"), world.cloud.watch.calendar

    def statistics(self, name, stat="Sum", *, group=None, start=0, end=6000, period=60, given=None, namespace=BALANCER):
        kind = "ExtendedStatistics" if stat.startswith("p") else "Statistics"
        answer = self.watch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=dimensions(self.site, group) if given is None else given,
            StartTime=self.calendar.of(start),
            EndTime=self.calendar.of(end),
            Period=period,
            **{kind: [stat]},
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        values = [
            point["ExtendedStatistics"][stat] if "ExtendedStatistics" in point else point[stat] for point in points
        ]
        return [
            (round(self.calendar.simulated(point["Timestamp"])), value)
            for point, value in zip(points, values, strict=True)
        ]

    def data(self, *queries, start=0, end=6000, **more):
        return self.watch.get_metric_data(
            MetricDataQueries=list(queries),
            StartTime=self.calendar.of(start),
            EndTime=self.calendar.of(end),
            **more,
        )["MetricDataResults"]

    def query(self, id, name, stat="Sum", group=None, **more):
        metric = {"Namespace": BALANCER, "MetricName": name, "Dimensions": dimensions(self.site, group)}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}


@pytest.fixture
def reader(site, world, aws):
    world.pass_time(0)  # the table, and with it the listeners
    return Reader(site, world, aws)


def traffic(world, site, **tally):
    """Cumulative, as the data plane counts."""
    world.plane.groups[site.blue] = world.plane.listeners[site.listener] = wire.Tally(**tally)


def test_a_minutes_counts_arrive_half_a_minute_later(site, world, reader):
    traffic(world, site, requests=100, target_codes={"2XX": 90, "5XX": 10}, elb_codes={"502": 2})
    world.pass_time(89)
    assert reader.statistics("RequestCount", group=site.blue) == []
    world.pass_time(1)
    assert reader.statistics("RequestCount", group=site.blue) == [(0, 100)]
    assert reader.statistics("HTTPCode_Target_2XX_Count", group=site.blue) == [(0, 90)]
    assert reader.statistics("HTTPCode_Target_5XX_Count", group=site.blue) == [(0, 10)]
    assert reader.statistics("HTTPCode_Target_5XX_Count") == [(0, 10)]
    assert reader.statistics("HTTPCode_ELB_5XX_Count") == [(0, 2)]
    assert reader.statistics("HTTPCode_ELB_5XX_Count", group=site.blue) == []  # the balancer's alone
    assert reader.statistics("RequestCount", "Average") == [(0, 1)]  # of samples that are 1 each


def test_a_count_is_a_minutes_own_and_none_is_no_datapoint(site, world, reader):
    traffic(world, site, requests=100, target_codes={"2XX": 100})
    world.pass_time(61)
    traffic(world, site, requests=130, target_codes={"2XX": 100, "3XX": 20, "4XX": 10}, connection_errors=3)
    world.pass_time(60 * 3)
    assert reader.statistics("RequestCount") == [(0, 100), (60, 30)]
    assert reader.statistics("HTTPCode_Target_2XX_Count") == [(0, 100)]
    assert reader.statistics("HTTPCode_Target_3XX_Count") == [(60, 20)]
    assert reader.statistics("HTTPCode_Target_4XX_Count") == [(60, 10)]
    assert reader.statistics("TargetConnectionErrorCount", group=site.blue) == [(60, 3)]
    assert reader.statistics("HTTPCode_ELB_5XX_Count", group=site.blue) == []


def test_windows_and_periods_are_of_simulated_time(site, world, reader):
    for minute in range(1, 6):
        traffic(world, site, requests=minute * 10)
        world.pass_time(60)
    world.pass_time(30)
    assert reader.statistics("RequestCount", start=60, end=180) == [(60, 10), (120, 10)]
    assert reader.statistics("RequestCount", start=75, end=181) == [(60, 10), (120, 10), (180, 10)]
    assert reader.statistics("RequestCount", period=300) == [(0, 50)]
    assert reader.statistics("RequestCount", "SampleCount", period=120) == [(0, 20), (120, 20), (240, 10)]


def test_after_a_machine_slept_nothing_arrives_early(site, world, reader):
    world.pass_time(85)
    traffic(world, site, requests=70)
    for time, arrived in ((260.0, []), (271.0, [(180, 70)])):
        world.clock.time = time
        world.cloud.step()
        assert reader.statistics("RequestCount") == arrived


def test_dates_that_were_rounded_mean_the_datapoint_that_they_were_read_from(world):
    for started in (0.0006, 0.0004):
        calendar = Calendar(world.clock, lambda started=started: started)
        window = metrics_api.window(calendar, {"StartTime": calendar.of(60), "EndTime": calendar.of(180)})
        assert window.periods(60) == [60, 120]


def test_a_faster_sandbox_has_shorter_minutes(site, world, reader):
    world.clock.speed = 30.0
    traffic(world, site, requests=10)
    world.pass_time(60)
    traffic(world, site, requests=30)
    world.pass_time(90)
    first, second = reader.watch.get_metric_data(
        MetricDataQueries=[reader.query("m1", "RequestCount")],
        StartTime=reader.calendar.of(0),
        EndTime=reader.calendar.of(600),
        ScanBy="TimestampAscending",
    )["MetricDataResults"][0]["Timestamps"]
    assert second - first == timedelta(seconds=2)


def test_response_times_have_percentiles(site, world, reader):
    spread = latency(s0_004=90, s0_9=10)
    traffic(world, site, requests=100, latency=spread, latency_sum=9.36)
    world.pass_time(90)
    assert reader.statistics("TargetResponseTime", "Average", group=site.blue) == [(0, pytest.approx(0.0936))]
    ((_, p50),) = reader.statistics("TargetResponseTime", "p50", group=site.blue)
    ((_, p95),) = reader.statistics("TargetResponseTime", "p95", group=site.blue)
    ((_, p99),) = reader.statistics("TargetResponseTime", "p99")
    assert 0.003 < p50 <= 0.004
    assert 0.8 <= p95 < p99 <= 1.0
    assert reader.statistics("TargetResponseTime", "SampleCount") == [(0, 100)]


def test_hosts_are_reported_also_without_traffic(site, world, reader):
    site.scaling_group(HealthCheckType="EC2")
    world.pass_time(210)
    assert reader.statistics("HealthyHostCount", "Maximum", group=site.blue)[-1] == (120, 2)
    assert reader.statistics("UnHealthyHostCount", "Maximum", group=site.blue)[-1] == (120, 0)
    assert reader.statistics("RequestCount", group=site.blue) == []
    assert reader.statistics("HealthyHostCount", "Maximum", group=site.green) == []
    world.faulting.begin("health-fails", {"count": 1})
    world.pass_time(240)
    healthy = dict(reader.statistics("HealthyHostCount", "Minimum", group=site.blue))
    assert (healthy[120], healthy[360]) == (2, 1)
    assert reader.statistics("UnHealthyHostCount", "Maximum", group=site.blue)[-1] == (360, 1)
    means = dict(reader.statistics("HealthyHostCount", "Average", group=site.blue))
    (failed,) = (minute for minute, mean in means.items() if minute > 120 and 1 < mean < 2)
    most = dict(reader.statistics("HealthyHostCount", "Maximum", group=site.blue))
    assert (healthy[failed], most[failed]) == (1, 2)


def test_requests_per_target(site, world, reader):
    site.scaling_group(HealthCheckType="EC2")
    world.pass_time(130)
    traffic(world, site, requests=100)
    world.pass_time(80)
    group = dimensions(site, site.blue)
    assert reader.statistics("RequestCountPerTarget", given=group) == [(120, 50)]
    assert reader.statistics("RequestCountPerTarget", given=group[:1]) == [(120, 50)]


def test_a_processor_is_as_busy_as_its_app_was_asked(site, world, reader):
    site.scaling_group(HealthCheckType="EC2")
    world.pass_time(120)
    first, _ = world.apps.running
    world.plane.targets[first] = wire.Tally(requests=6000)  # 100 a second
    world.pass_time(90)
    group = [{"Name": "AutoScalingGroupName", "Value": "blue"}]
    busy = reader.statistics("CPUUtilization", "Average", given=group, namespace="AWS/EC2")
    assert busy[-1] == (120, pytest.approx((2 + 40 + 2) / 2))
    one = [{"Name": "InstanceId", "Value": first}]
    assert reader.statistics("CPUUtilization", "Maximum", given=one, namespace="AWS/EC2")[-1] == (120, 42)


def test_metric_data_with_math(site, world, reader):
    traffic(world, site, requests=100, target_codes={"2XX": 80, "5XX": 20})
    world.pass_time(60)
    traffic(world, site, requests=200, target_codes={"2XX": 180, "5XX": 20})
    world.pass_time(90)
    found = reader.data(
        {"Id": "ratio", "Expression": "100*FILL(e, 0)/r", "Label": "errors"},
        reader.query("e", "HTTPCode_Target_5XX_Count", group=site.blue, ReturnData=False),
        reader.query("r", "RequestCount", group=site.blue),
        ScanBy="TimestampAscending",
    )
    assert [(each["Id"], each["Values"]) for each in found] == [("ratio", [20, 0]), ("r", [100, 100])]
    assert found[0]["Label"] == "errors"
    (latest_first,) = reader.data(reader.query("p", "TargetResponseTime", "p95"))
    assert latest_first["Values"] == []


def test_what_cannot_be_read_is_refused(site, reader):
    with pytest.raises(ClientError, match="no q to compute it from"):
        reader.data({"Id": "e1", "Expression": "q + 1"})
    with pytest.raises(ClientError, match="StartTime must be less"):
        reader.statistics("RequestCount", start=60, end=60)
    with pytest.raises(ClientError, match="Statistics is not supported"):
        reader.statistics("RequestCount", "Median")
    with pytest.raises(ClientError, match="Period must be"):
        reader.statistics("RequestCount", period=45)


def test_metrics_are_listed_by_their_dimensions(site, world, reader):
    traffic(world, site, requests=1)
    world.pass_time(90)
    listed = reader.watch.list_metrics(Namespace=BALANCER, MetricName="RequestCount")["Metrics"]
    assert {tuple(sorted(each["Name"] for each in metric["Dimensions"])) for metric in listed} == {
        ("LoadBalancer",),
        ("LoadBalancer", "TargetGroup"),
    }
    wanted = dimensions(site, site.blue)
    (one,) = reader.watch.list_metrics(Namespace=BALANCER, MetricName="RequestCount", Dimensions=wanted[:1])["Metrics"]
    assert sorted(one["Dimensions"], key=str) == sorted(wanted, key=str)
    assert wanted[0]["Value"].startswith("targetgroup/shop-blue/")
    assert wanted[1]["Value"].startswith("app/shop/")


def test_other_peoples_metrics_are_read_by_the_same_time(world, site, reader):
    at = reader.calendar.of(70)
    datum = {"MetricName": "orders", "Dimensions": [{"Name": "shop", "Value": "a"}], "Timestamp": at}
    reader.watch.put_metric_data(Namespace="Shop", MetricData=[{**datum, "Value": 3}, {**datum, "Value": 5}])
    own = [{"Name": "shop", "Value": "a"}]
    assert reader.statistics("orders", "Average", given=own, namespace="Shop") == [(60, 4)]
    assert reader.statistics("orders", "p50", given=own, namespace="Shop") == [(60, 3)]
    assert reader.statistics("orders", given=[], namespace="Shop") == []  # another metric
    assert [each["MetricName"] for each in reader.watch.list_metrics(Namespace="Shop")["Metrics"]] == ["orders"]


def test_the_store_keeps_a_day(site, world, reader):
    for minute in range(1500):
        world.cloud.watch.store.report("eu-central-1", *_point(reader, minute), arrives=0)
    world.cloud.watch.store.arrive(1)
    values = reader.statistics("RequestCount", end=60 * 1500)
    assert len(values) == 1440
    assert values[0][0] == 60 * 60


def _point(reader, minute):
    from sandbox.cloud.watch.points import counted
    from sandbox.cloud.watch.series import Metric

    pairs = [(each["Name"], each["Value"]) for each in dimensions(reader.site)]
    return Metric.named(BALANCER, "RequestCount", pairs), counted(minute * 60.0, 1)
