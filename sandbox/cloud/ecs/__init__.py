"""Amazon ECS on Fargate: clusters, task definitions, tasks that run a stand-in app, services that keep them running."""
