"""The protocols that the live edge speaks, case by case (Engine.IO revision 4, Socket.IO revision 5)."""
