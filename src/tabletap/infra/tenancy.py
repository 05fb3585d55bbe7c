"""The few look-ups that are not scoped to one cafe, and why each may be so.

Everything else is scoped by `cafe_id` in its statement and, on PostgreSQL, by row-level security as the second wall.
They run through `Database.across_cafes`, outside the tenant role:

- sign-in: an e-mail address finds the people (and so the cafes) it belongs to (`identity.store`)
- refresh: a refresh token's hash finds its family (`identity.store`)
- table code: the code on the table finds cafe and table (`cafes.store`)
- pay page: the unguessable id in a pay link finds the awaited transfer, and so the cafe (`qr.store`)
- webhook token: the path of a provider's call finds the provider account (`payments.accounts.store`)
- old notices: upkeep forgets what they said, cafe by cafe (`webhooks.store`)
- sealing: at every start all accounts' secrets are brought under the present key (`payments.accounts.store`)
- expired credit: upkeep books what customers of whichever cafes let expire, account by account (`credits.store`)
- streams: the dispatcher reads events of whichever cafes have subscribers here (`infra.streams`)
- old events: upkeep forgets what streams need not replay any more, of whichever cafe (`infra.retention`)
- upkeep: whose idempotency keys are old enough to be forgotten; the forgetting is cafe by cafe (`infra.idempotency`)
- revocations: every process reads who was signed out, at whichever cafe, and upkeep forgets it (`infra.revocations`)
- audit chain: the books of one cafe after the other are sealed (`ledger.audit.store`)
- signing keys: at every start they, too, are brought under the present key (`ledger.audit.store`)
- jobs: the job engine claims work of all cafes (`infra.jobs`)
"""
