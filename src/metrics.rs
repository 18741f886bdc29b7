//! Every metric of the service: name, help and labels. Nothing else registers one.
//!
//! Names are `chargeghar_<subsystem>_<what>_<unit>[_total]`. A label value is `&'static str`,
//! so that only the names of closed enums can be one, never an id. The recorder is shared by
//! all nodes of the process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Label, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

mod catalogue;

#[cfg(test)]
mod tests;

pub use catalogue::*;

/// Upper bounds of durations, in seconds: from one statement to one unresolved eject.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1500.0,
];
/// Upper bounds of sizes of batches.
const ROWS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// One line of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub kind: Kind,
    pub name: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A number that only grows, with `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Counter<const N: usize>(Named<N>);

/// A number that is set, with `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Gauge<const N: usize>(Named<N>);

/// A distribution, with `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<const N: usize>(Named<N>);

#[derive(Clone, Copy, Debug)]
struct Named<const N: usize> {
    name: &'static str,
    labels: [&'static str; N],
}

impl<const N: usize> Named<N> {
    fn labelled(&self, values: [&'static str; N]) -> Vec<Label> {
        self.labels.iter().zip(values).map(|(key, value)| Label::new(*key, value)).collect()
    }
}

impl<const N: usize> Counter<N> {
    pub fn inc(&self, labels: [&'static str; N]) {
        self.handle(labels).increment(1);
    }

    pub fn add(&self, count: u64, labels: [&'static str; N]) {
        self.handle(labels).increment(count);
    }

    /// The counter for these labels: hot loops keep it instead of looking it up.
    pub fn handle(&self, labels: [&'static str; N]) -> metrics::Counter {
        metrics::counter!(self.0.name, self.0.labelled(labels))
    }
}

impl<const N: usize> Gauge<N> {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; 2^53 is enough")]
    pub fn set(&self, value: u64, labels: [&'static str; N]) {
        self.handle(labels).set(value as f64);
    }

    pub fn inc(&self, labels: [&'static str; N]) {
        self.handle(labels).increment(1.0);
    }

    pub fn dec(&self, labels: [&'static str; N]) {
        self.handle(labels).decrement(1.0);
    }

    /// The gauge for these labels, for values that are no whole numbers.
    pub fn handle(&self, labels: [&'static str; N]) -> metrics::Gauge {
        metrics::gauge!(self.0.name, self.0.labelled(labels))
    }
}

impl<const N: usize> Histogram<N> {
    /// Records a duration, in seconds.
    pub fn observe(&self, duration: Duration, labels: [&'static str; N]) {
        self.handle(labels).record(duration);
    }

    /// Records a size.
    pub fn record(&self, count: u32, labels: [&'static str; N]) {
        self.handle(labels).record(f64::from(count));
    }

    /// The histogram for these labels: hot loops keep it instead of looking it up.
    pub fn handle(&self, labels: [&'static str; N]) -> metrics::Histogram {
        metrics::histogram!(self.0.name, self.0.labelled(labels))
    }
}

/// What a scrape reads.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
    measure: Arc<dyn Fn() + Send + Sync>,
}

impl Recorder {
    /// The recorder of the process, installed at the first call. Every metric is described.
    pub fn install() -> Recorder {
        static INSTALLED: OnceLock<Recorder> = OnceLock::new();
        INSTALLED.get_or_init(Recorder::new).clone()
    }

    fn new() -> Recorder {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
            .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_rows".into()), ROWS))
            .expect("the buckets are not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; /metrics stays empty");
        }
        describe_all();
        Recorder { handle, measure: Arc::new(|| {}) }
    }

    /// Sets some figures anew by `measure` at each reading.
    #[must_use]
    pub fn measuring(self, measure: impl Fn() + Send + Sync + 'static) -> Recorder {
        Recorder { measure: Arc::new(measure), ..self }
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        (self.measure)();
        self.handle.render()
    }

    /// Folds recorded samples into the histograms. To be called every few seconds, else
    /// memory grows until the next scrape.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Tells the recorder the help text of every metric.
pub fn describe_all() {
    for metric in ALL {
        let Metric { name, help, .. } = *metric;
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram if name.ends_with("_seconds") => {
                metrics::describe_histogram!(name, Unit::Seconds, help);
            }
            Kind::Histogram => metrics::describe_histogram!(name, help),
        }
    }
}
