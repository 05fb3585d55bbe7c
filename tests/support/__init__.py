"""What the tests stand on: servers, programs and people to test with."""
