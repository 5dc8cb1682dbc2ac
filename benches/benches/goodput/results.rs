use crate::{
    args::Args,
    clients,
    outcome::Summary,
    pool,
    scenario::{self, Scenario},
    work,
};

/// One client on one scenario.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) scenario: usize,
    pub(crate) client: String,
    pub(crate) summary: Summary,
}

/// All that was run.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) rows: Vec<Row>,
    pub(crate) seeds: u64,
}

impl Results {
    /// Runs what is asked for.
    pub(crate) fn of(args: &Args) -> Self {
        let mut scenarios = scenario::all();
        scenarios.retain(|it| args.wants_scenario(&it.id, it.is_default()));
        let mut clients = clients::all();
        clients.retain(|client| args.wants_client(&client.name()));

        let pairs: Vec<_> = (0..scenarios.len())
            .flat_map(|scenario| (0..clients.len()).map(move |client| (scenario, client)))
            .filter(|(scenario, client)| {
                !clients[*client].shares() || !scenarios[*scenario].processes.is_empty()
            })
            .filter(|(scenario, client)| {
                scenarios[*scenario].main || clients[*client].varies() || args.names_clients()
            })
            .collect();
        let seeds = args.seeds as usize;
        let runs = pool::each(pairs.len() * seeds, |job| {
            let (scenario, client) = pairs[job / seeds];
            work::run(
                &scenarios[scenario],
                &*clients[client],
                args.from_seed + (job % seeds) as u64,
            )
        });
        let rows = pairs.iter().zip(runs.chunks(seeds));
        let rows = rows.filter_map(|((scenario, client), runs)| {
            let runs: Vec<_> = runs.iter().copied().collect::<Option<_>>()?;
            Some(Row {
                scenario: *scenario,
                client: clients[*client].name(),
                summary: Summary::of(&runs),
            })
        });
        Self {
            rows: rows.collect(),
            scenarios,
            seeds: args.seeds,
        }
    }

    /// The clients of this scenario.
    pub(crate) fn on(&self, scenario: usize) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.scenario == scenario)
    }

    /// The names of all clients, in order.
    pub(crate) fn clients(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&&*row.client) {
                names.push(&row.client);
            }
        }
        names
    }
}
