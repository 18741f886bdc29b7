-- Khalti gives back what came from a bank to an account of its own, known by its mobile.

alter table refunds add column mobile text check (mobile ~ '^9[78][0-9]{8}$');
