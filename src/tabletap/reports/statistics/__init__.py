"""Figures of payments: by method, status, hour and business day, net of what went back."""
