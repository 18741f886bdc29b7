-- What a new network starts with: three packages and the late fee.

insert into packages (id, name, description, minutes, price, kind, model, position) values
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001', '1 hour', 'One hour', 60, 50, 'HOURLY', 'PREPAID', 1),
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1002', '4 hour', 'Four hours', 240, 150, 'HOURLY', 'PREPAID', 2),
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1003', 'Daily', 'One day', 1440, 300, 'DAILY', 'PREPAID', 3);

insert into late_fees
    (id, name, kind, multiplier, flat_per_hour, grace_minutes, max_per_day, is_active)
values
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a2001', 'Standard', 'MULTIPLIER', 2, 0, 2, 100, true),
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a2002', 'Flat', 'FLAT_RATE', 1, 50, 30, 300, false),
    ('0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a2003', 'Triple', 'MULTIPLIER', 3, 0, 0, 2000, false);
