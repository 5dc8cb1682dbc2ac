//! Progress bars while it runs; nothing where the output is not a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::{Plan, Step};

/// One bar for each kind of step.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bars: [ProgressBar; Step::ALL.len()],
    notes: ProgressBar,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, quiet: bool, client: &str) -> Self {
        // indicatif itself is quiet where standard error is not a terminal.
        let all = match quiet {
            true => MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            false => MultiProgress::new(),
        };
        let style =
            ProgressStyle::with_template("{msg:10} {bar:40.cyan} {pos:>5}/{len:5} {elapsed}")
                .expect("the template is right")
                .progress_chars("━╸ ");
        let bars = Step::ALL.map(|step| {
            let bar = all.add(ProgressBar::new(plan.total(step)));
            bar.set_style(style.clone());
            bar.set_message(step.name());
            bar
        });
        let notes = all.add(ProgressBar::new_spinner());
        notes.enable_steady_tick(Duration::from_millis(200));
        notes.set_message(client.to_owned());
        Self { bars, notes }
    }

    pub(crate) fn done(&self, step: Step) {
        self.bars[step as usize].inc(1);
    }

    pub(crate) fn note(&self, text: String) {
        self.notes.set_message(text);
    }

    pub(crate) fn finish(&self) {
        for bar in &self.bars {
            bar.finish();
        }
        self.notes.finish_and_clear();
    }
}
