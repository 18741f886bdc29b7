//! The named stories once more, on Debian's Mosquitto with its dynamic security plugin and on
//! Debian's Postgres: what holds on the embedded broker holds on the one a network would buy.

use crate::harness::edges::on_mosquitto;
use crate::renting;

on_mosquitto! {
    renting::a_rider_rents_at_one_cabinet_and_returns_at_another,
    renting::a_refused_eject_costs_nothing,
}
