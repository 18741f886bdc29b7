//! The list: one line per metric. A new one is added here and shown on a dashboard.

use super::{Counter, Gauge, Histogram, Kind, Metric, Named};

macro_rules! catalogue {
    ($($kind:ident $constant:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: $kind<{ <[&str]>::len(&[$($label),*]) }> =
                $kind(Named { name: $name, labels: [$($label),*] });
        )*

        /// Every metric there is.
        pub const ALL: &[Metric] = &[$(
            Metric {
                kind: Kind::$kind,
                name: $name,
                help: $help,
                labels: &[$($label),*],
            },
        )*];
    };
}

catalogue! {
    // process
    Gauge BUILD_INFO "chargeghar_process_build_info" ["version"]
        "Always 1; the version is the label.";
    Gauge START_SECONDS "chargeghar_process_start_time_seconds" []
        "When the node was ready, Unix time.";
    Counter TASK_PANICS "chargeghar_process_task_panics_total" ["task"]
        "Background tasks that panicked.";
    Counter WARNINGS_HELD "chargeghar_process_warnings_held_total" ["kind"]
        "Warnings not logged because one of their kind was logged in the same minute.";
    Gauge CLOCK_BEHIND_SECONDS "chargeghar_process_clock_ahead_of_wall_seconds" []
        "How far the node's clock is ahead of the wall, which was set back.";
    Gauge WALL_DOUBTED_SECONDS "chargeghar_process_wall_doubted_seconds" []
        "How far the wall was set forward, while the node does not follow it yet.";

    // actors
    Gauge ACTORS "chargeghar_actor_alive_count" ["actor"] "Actors that run.";
    Gauge ACTOR_BACKLOG "chargeghar_actor_backlog_messages" ["actor"]
        "Messages that wait in the mailboxes of stations and of rentals.";
    Counter ACTOR_REFUSED "chargeghar_actor_mailbox_refusals_total" ["actor"]
        "Messages refused because the mailbox was full.";
    Counter ACTOR_RESTARTS "chargeghar_actor_restarts_total" ["actor"]
        "Actors started again after a failure.";
    Gauge ACTORS_ISOLATED "chargeghar_actor_isolated_count" ["actor"]
        "Actors that failed too often and are tried again every 5 minutes.";

    // link to the broker
    Gauge LINK_UP "chargeghar_link_up" ["session"] "1 while the session with the broker is up.";
    Counter LINK_RECONNECTS "chargeghar_link_reconnects_total" ["session"]
        "Connections to the broker lost.";
    Counter FRAMES "chargeghar_link_frames_total" ["topic"]
        "Messages of cabinets that the broker handed over, by kind of topic.";
    Counter DECODED "chargeghar_link_decoded_total" ["kind"]
        "Frames of enrolled cabinets that were understood, over MQTT and HTTP, by kind.";
    Counter BACKLOG_FRAMES "chargeghar_link_backlog_frames_total" []
        "Updates that may have waited at the broker: they say how it was, not how it is.";
    Counter FRAMES_REFUSED "chargeghar_link_frames_refused_total" ["kind"]
        "Frames that were not understood or not allowed, by kind of fault.";
    Counter BROKER_REFUSED "chargeghar_broker_refused_total" ["kind"]
        "What the node's own broker refused or dropped, by kind.";
    Counter PUBLISHED "chargeghar_link_published_total" ["command"]
        "Commands published to cabinets.";
    Counter PUBLISH_FAILED "chargeghar_link_publish_failures_total" ["command"]
        "Commands not published.";
    Gauge ACKS_OPEN "chargeghar_link_acks_open_count" []
        "Messages received and not yet acknowledged.";
    Gauge OLDEST_UNACKED_SECONDS "chargeghar_link_oldest_unacked_seconds" []
        "Age of the oldest message that is not acknowledged; it holds up the others.";
    Counter REPEATED "chargeghar_link_repeated_total" ["reason"]
        "Messages delivered again because they were lost, postponed or stuck inside.";
    Counter SHED "chargeghar_link_shed_total" ["kind"]
        "Messages dropped because a bound was reached.";

    // stations
    Gauge STATIONS "chargeghar_station_presence_count" ["presence"] "Stations, by presence.";
    Counter REPORTS "chargeghar_station_reports_total" ["layout"]
        "Whole-cabinet reports, by layout.";
    Counter REPORTS_UNCHANGED "chargeghar_station_reports_unchanged_total" []
        "Whole reports that said what the last one said; no slot was looked at.";
    Counter PHANTOM_ROWS "chargeghar_station_phantom_rows_total" []
        "Rows of slots that are not fitted.";
    Counter EJECTS "chargeghar_station_ejects_total" ["outcome"] "Ejects, by outcome.";
    Histogram EJECT_SECONDS "chargeghar_station_eject_seconds" ["outcome"]
        "From the publishing of an eject to its outcome.";
    Counter CHECKS "chargeghar_station_checks_total" ["reason"]
        "Checks asked of cabinets, by reason.";
    Gauge CHECKS_WAITING "chargeghar_station_checks_waiting_count" ["rank"]
        "Cabinets that wait for their check, by rank: those with commands are asked first.";
    Counter RECONCILED "chargeghar_station_reconciled_total" ["outcome"]
        "Cabinets that came back, by what became of the first report they owe.";
    Histogram RECONCILE_SECONDS "chargeghar_station_reconcile_seconds" []
        "From a cabinet's coming back to its first whole report.";
    Gauge STORM_LEFT "chargeghar_station_storm_left_count" []
        "Cabinets that came back together and have not reported yet; 0 while none has to wait.";
    Gauge STORM_SECONDS "chargeghar_station_storm_age_seconds" []
        "How long cabinets that came back together have been asked one after the other.";
    Histogram STORMS "chargeghar_station_storm_seconds" []
        "From the first that had to wait to the last that was reconciled.";
    Counter ALARMS "chargeghar_station_alarms_total" ["kind"] "Alarms raised, by kind.";

    // rentals
    Gauge RENTALS_OPEN "chargeghar_rental_open_count" ["status"] "Open rentals, by status.";
    Gauge COMMANDS_OVERDUE "chargeghar_rental_commands_overdue_count" []
        "Ejects without an end although their time is over; must be 0.";
    Gauge ASTRAY "chargeghar_actor_astray_count" ["kind"]
        "Rentals and banks that this node knows otherwise than they are stored; must be 0.";
    Counter RENTALS_STARTED "chargeghar_rental_starts_total" ["outcome"]
        "Starts asked for, by outcome.";
    Histogram START_ANSWER_SECONDS "chargeghar_rental_start_seconds" ["outcome"]
        "From the request for a start to its answer.";
    Counter RENTALS_CLOSED "chargeghar_rental_closed_total" ["reason"]
        "Rentals that ended, by reason.";
    Counter RETURNS "chargeghar_rental_returns_total" ["source", "verdict"]
        "Return candidates, by source and by what became of them.";
    Counter INCIDENTS "chargeghar_rental_incidents_total" ["kind"] "Incidents opened, by kind.";

    // store
    Counter FACTS "chargeghar_store_facts_total" ["outcome"]
        "Facts handed to the writers, by outcome.";
    Histogram COMMIT_SECONDS "chargeghar_store_commit_seconds" []
        "One batch, from begin to committed.";
    Histogram COMMIT_ROWS "chargeghar_store_commit_batch_rows" [] "Facts in one batch.";
    Gauge WRITER_BACKLOG "chargeghar_store_writer_backlog_count" [] "Facts that wait for a writer.";
    Counter BATCHES_SPLIT "chargeghar_store_batches_split_total" []
        "Batches rolled back and run singly.";
    Gauge UNREAD_ROWS "chargeghar_store_unread_rows_count" ["table"]
        "Rows that could not be read when the node started.";
    Gauge LEASE_HELD "chargeghar_store_lease_held" [] "1 while this node holds the lease.";
    Counter FLUSHED "chargeghar_store_flushed_rows_total" ["table"] "Telemetry rows written.";
    Counter FLUSH_DROPPED "chargeghar_store_flush_dropped_rows_total" ["table"]
        "Telemetry rows dropped.";
    Gauge POOL "chargeghar_store_pool_connections" ["state"]
        "Connections to the database, by state.";

    // ledger
    Gauge LEDGER_IMBALANCE "chargeghar_ledger_imbalance_paisa" []
        "Money that is not where the books say; must be 0.";
    Gauge LEDGER_FINDINGS "chargeghar_ledger_findings_count" ["kind"]
        "Things of the ledger that do not add up, by kind.";
    Gauge LEDGER_VERIFIED_SECONDS "chargeghar_ledger_verified_time_seconds" []
        "When the ledger was last verified, Unix time.";
    Counter LEDGER_SEALED "chargeghar_ledger_sealed_total" []
        "Transfers that got their place in the chain.";

    // outbox and the world outside
    Counter EFFECTS "chargeghar_outbox_effects_total" ["kind", "outcome"]
        "Owed effects, by outcome.";
    Gauge EFFECTS_OWED "chargeghar_outbox_owed_count" [] "Effects that are still owed.";
    Gauge EFFECTS_DEAD "chargeghar_outbox_dead" []
        "Effects that were set aside and wait for an operator.";
    Histogram CLIENT_SECONDS "chargeghar_client_request_seconds" ["client", "outcome"]
        "Requests to other companies.";
    Counter CODES "chargeghar_client_codes_total" ["provider", "outcome"]
        "Login codes handed to carriers, by what became of them.";
    Counter PAYMENTS "chargeghar_payment_intents_total" ["gateway", "outcome"]
        "Payment intents, by what became of them.";
    Counter PAYMENTS_REFUSED "chargeghar_payment_refused_total" ["code"]
        "Requests of riders about money that were refused, by the code of the refusal.";
    Counter ERRANDS "chargeghar_payment_errands_total" ["purpose", "outcome"]
        "What payments were made for, by how it ended: done or failed.";
    Counter PAYMENT_NEWS "chargeghar_payment_news_total" ["gateway", "kind"]
        "Redirects, callbacks and webhooks, by what became of them.";

    // http
    Counter REQUESTS "chargeghar_http_requests_total" ["method", "class"]
        "Requests answered, by method and class of status.";
    Histogram REQUEST_SECONDS "chargeghar_http_request_seconds" ["surface"]
        "Requests, by surface: app, admin, device, system.";
    Gauge REQUESTS_OPEN "chargeghar_http_requests_open_count" [] "Requests in work.";
    Gauge CONNECTIONS_OPEN "chargeghar_http_connections_open_count" [] "Open connections.";
    Counter CONNECTIONS_CUT "chargeghar_http_connections_cut_total" ["cause"]
        "Connections ended for want of a request's head, idle ones too, or of a reader.";
    Gauge STREAMS_OPEN "chargeghar_http_streams_open_count" ["kind"] "Open live streams.";
    Counter LIMITED "chargeghar_http_limited_total" ["limit"] "Requests refused by a limit.";
    Counter DEVICE_CALLS "chargeghar_http_device_calls_total" ["call", "outcome"]
        "Calls of cabinets, by what became of them.";
    Counter DEVICE_SIGNS "chargeghar_http_device_sign_faults_total" ["call", "sign"]
        "Calls of cabinets whose signature is wrong or absent.";
    Counter REPLAYS "chargeghar_http_idempotent_replays_total" []
        "Requests answered from their key.";

    // ephemera
    Counter EPHEMERA_FAILURES "chargeghar_ephemera_failures_total" []
        "Failed operations on short-lived data.";
    Gauge EPHEMERA_KEYS "chargeghar_ephemera_memory_keys" [] "Keys held in memory.";
    Counter EPHEMERA_EVICTED "chargeghar_ephemera_memory_evictions_total" []
        "Keys dropped before their time because memory was full.";

    // embedded database
    Counter POSTGRES_EXITS "chargeghar_embedded_postgres_exits_total" []
        "Times the embedded database ended by itself.";
}
