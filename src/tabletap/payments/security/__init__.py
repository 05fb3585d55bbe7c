"""Who may pay how much how often, and what was refused (PaymentSecurityService)."""
