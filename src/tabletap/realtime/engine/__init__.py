"""Engine.IO, protocol revision 4: what Socket.IO travels on, over WebSocket and HTTP long-polling (decision 0016)."""
