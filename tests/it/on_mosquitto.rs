//! The named stories once more, on Debian's Mosquitto with its dynamic security plugin and on
//! Debian's Postgres: what holds on the embedded broker holds on the one a network would buy.
//! And what only a broker outside the node can do.

use crate::harness::edges::on_mosquitto;
use crate::{attacks, broker_away, echo, renting, restart, returning, unknown, unsigned};

on_mosquitto! {
    renting::a_rider_rents_at_one_cabinet_and_returns_at_another,
    renting::a_refused_eject_costs_nothing,
    unknown::a_lost_answer_is_found_out_by_a_whole_report,
    unknown::an_ignored_command_is_found_in_by_two_sightings,
    unknown::late::a_late_success_reopens_the_rental_that_was_given_up,
    returning::the_event_alone_closes_a_rental,
    returning::an_http_return_alone_is_confirmed_by_a_check_and_counts_from_its_own_time,
    returning::an_inspection_alone_closes_a_rental,
    returning::a_report_over_http_alone_is_confirmed_by_a_check,
    returning::all_ways_at_once_and_again_close_it_once,
    returning::a_forged_http_return_closes_nothing,
    returning::a_duplicate_event_after_the_bank_is_rented_again_does_not_close_the_new_rental,
    returning::a_return_while_the_cabinet_was_offline_is_billed_to_the_last_report_without_it,
    unknown::a_cabinet_that_goes_dark_during_the_eject_settles_it_when_it_is_back,
    unknown::a_cabinet_that_is_never_heard_again_frees_the_rider_after_twenty_five_minutes,
    renting::of_twenty_riders_who_want_one_bank_one_gets_it,
    renting::twenty_starts_at_once_by_one_rider_are_one_rental_one_hold_and_one_eject,
    restart::killed::a_killed_service_still_has_its_open_rental_and_ejects_nothing_again,
    restart::killed::a_return_that_met_a_dead_service_closes_the_rental_when_it_lives_again,
    restart::again::an_open_rental_is_closed_by_its_return_after_a_restart,
    restart::again::a_bank_returned_while_no_service_ran_is_found_by_the_next_one,
    echo::no_cabinet_starts_anew_for_want_of_its_own_heartbeats,
    attacks::the_same_return_five_times_ends_it_once,
    attacks::old_frames_of_every_kind_change_nothing,
}

on_mosquitto! {
    broker_away::while_the_way_to_the_broker_is_cut_nothing_starts_and_no_return_is_lost,
    broker_away::a_rider_is_told_to_come_again_while_the_broker_is_away,
    broker_away::nobody_gets_a_password_while_the_way_to_the_broker_is_cut,
    broker_away::a_broker_that_stays_away_is_tried_ever_more_rarely,
    unsigned::whoever_calls_connect_while_the_cabinet_is_online_gets_no_password,
    unsigned::a_cabinet_that_starts_anew_gets_in_though_its_broker_has_not_noticed,
    unsigned::a_dead_cabinet_is_not_kept_alive_by_calls_that_anybody_can_make,
    broker_away::a_broker_that_died_and_forgot_everything_is_told_again,
    echo::without_the_right_to_its_own_heartbeats_it_starts_anew_again_and_again,
}

on_mosquitto! {
    restart::backlog::a_return_in_our_own_outage_is_billed_to_the_last_report_without_the_bank,
    restart::backlog::a_bank_that_is_still_out_after_our_own_outage_goes_on_being_billed,
}

#[cfg(feature = "failpoints")]
mod killed {
    use crate::harness::edges::on_mosquitto;
    use crate::restart::{crash, unacked};

    on_mosquitto! {
        crash::a_start_that_was_stored_and_not_published_is_verified_and_cancelled_after_a_crash,
        crash::an_eject_whose_answer_met_a_dead_service_is_found_out_by_a_whole_report,
        crash::a_crash_at_the_publish_itself_ends_with_what_the_cabinet_did,
        unacked::an_eject_that_was_stored_and_not_acknowledged_counts_once,
        unacked::a_return_that_was_stored_and_not_acknowledged_ends_the_rental_once,
        unacked::a_return_that_was_stored_and_not_told_ends_the_rental_once,
    }
}
