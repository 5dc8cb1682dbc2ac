use std::env;

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Args {
    /// Ids; those that end in `*` are beginnings.
    scenarios: Vec<String>,
    clients: Vec<String>,
    pub(crate) seeds: u64,
    pub(crate) from_seed: u64,
    pub(crate) csv: bool,
    /// Every variation of every scenario.
    pub(crate) all: bool,
}

pub(crate) const USAGE: &str = "\
cargo bench -p tower-tiktok-benches --bench goodput -- [options]
  --scenario <id>  only this one; S1* is all that begin with S1; repeatable
  --client <name>  only clients whose names begin so, or with a full stop
                   behind it the one of this name; repeatable
  --seeds <n>      runs of each, default 7
  --from-seed <n>  the first of them, default 0
  --all            all variations of all scenarios, not of S1 and S5 only
  --csv            comma separated values on the output, not Markdown";

impl Args {
    /// # Errors
    ///
    /// The word that it does not understand.
    pub(crate) fn read() -> Result<Self, String> {
        let mut args = Self {
            scenarios: Vec::new(),
            clients: Vec::new(),
            seeds: 7,
            from_seed: 0,
            csv: false,
            all: false,
        };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match &*word {
                "--scenario" => args.scenarios.push(value()?),
                "--client" => args.clients.push(value()?),
                "--seeds" => {
                    let seeds = value()?;
                    let number = seeds.parse().ok().filter(|seeds| *seeds > 0);
                    args.seeds = number.ok_or_else(|| format!("--seeds {seeds}"))?;
                }
                "--from-seed" => {
                    let seed = value()?;
                    args.from_seed = seed.parse().map_err(|_| format!("--from-seed {seed}"))?;
                }
                "--csv" => args.csv = true,
                "--all" => args.all = true,
                // cargo's own.
                "--bench" => {}
                _ => return Err(word),
            }
        }
        Ok(args)
    }

    pub(crate) fn wants_scenario(&self, id: &str, by_default: bool) -> bool {
        if self.scenarios.is_empty() {
            return self.all || by_default;
        }
        self.scenarios
            .iter()
            .any(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => id.starts_with(beginning),
                None => id == wanted,
            })
    }

    pub(crate) fn names_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    pub(crate) fn wants_client(&self, name: &str) -> bool {
        self.clients.is_empty()
            || self
                .clients
                .iter()
                .any(|wanted| match wanted.strip_suffix('.') {
                    Some(whole) => name == whole,
                    None => name.starts_with(&**wanted),
                })
    }
}
