//! Parts become one statement.

use super::*;

#[test]
fn parameters_count_on_and_only_parts_that_have_to_tell_do() {
    let mut script = Script::default();
    script.part("insert into a select * from unnest($1, $2)").bind(1).bind(2);
    script.part("update b set c = $1 where d = $2 + $10").bind(3).bind(4).writes(2, Row::Bank);

    assert_eq!(
        script.sql(),
        "with p0 as (insert into a select * from unnest($1, $2)), \
         p1 as (update b set c = $3 where d = $4 + $12 returning 1) \
         select array[(select count(*) from p1)]::bigint[]"
    );
}

#[test]
fn nothing_has_to_tell_when_rows_are_only_added() {
    let mut script = Script::default();
    script.part("insert into a values ($1)").bind(1);

    assert_eq!(script.sql(), "with p0 as (insert into a values ($1)) select array[]::bigint[]");
}
