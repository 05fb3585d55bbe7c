"""The ledger explorer: accounts, statements and journals, as an accountant reads them."""
