-- A rental whose bank is said to be out after its end is given to a person once; rows from
-- before say what their events say.

update rentals r
set state = r.state || '{"unassigned": true}'
where exists (
    select from rental_events e
    where e.rental_id = r.id and e.event ->> 'type' = 'out_unassigned'
);
