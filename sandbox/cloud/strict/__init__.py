"""What AWS refuses and moto accepts, one file per service. Each checks a request before moto sees it."""
