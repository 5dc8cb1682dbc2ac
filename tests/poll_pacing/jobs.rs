//! TikTok's jobs, with the simulator's ledger for the truth.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tower_tiktok::{
    classify::ErrorClass,
    poll_pacing::{PollFailed, Progress, poll_until},
    simulator::{Fault, Latency, Level, Made, Script, Simulator, SimulatorBuilder},
    tiktok::{
        AccessLevel,
        jobs::{Task, TaskState, Upload},
    },
};

use crate::support::{World, get, json, secs, world};

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Reports of 12 to 75 seconds, and videos of 36 to 225.
fn simulator(level: Level) -> SimulatorBuilder {
    Simulator::builder()
        .level(level)
        .transcoding(secs(90))
        .job_spread(2.5)
        .seed(7)
}

/// Begins a report and an upload each `gap`, as many as `pairs`, and follows
/// them to their ends.
async fn follow(world: &World, pairs: u32, gap: Duration) {
    let report = |n: u32| async move {
        sleep(gap * n).await;
        let task = world.report(n % 50).await;
        let task = Task::report((n % 50).to_string(), task, get);
        poll_until(world.client.clone(), task).finish().await
    };
    let upload = |n: u32| async move {
        sleep(gap * n).await;
        let answer = world.upload(n % 50, &format!("{n}.mp4")).await;
        let video = Upload::unfinished(&answer).unwrap();
        let upload = Upload::new((n % 50).to_string(), video, get);
        poll_until(world.client.clone(), upload).finish().await
    };
    let (reports, uploads) = tokio::join!(
        join_all((0..pairs).map(report)),
        join_all((0..pairs).map(upload)),
    );
    assert!(reports.iter().chain(&uploads).all(Result::is_ok));
}

/// What the ledger tells of the jobs.
#[derive(Debug)]
struct Figures {
    /// Of the polls that one each second takes.
    saved: f64,
    /// How late the ends were noticed, in parts of the jobs' own times.
    mean: f64,
    p90: f64,
    worst: f64,
}

fn figures(made: &[Made]) -> Figures {
    let polls: u64 = made.iter().map(|job| job.polls).sum();
    let each_second = made
        .iter()
        .map(|job| seconds(job.ready - job.begun).ceil())
        .sum::<f64>();
    let late = |job: &Made| {
        let told = job.told.expect("it was followed to its end");
        seconds(told - job.ready) / seconds(job.ready - job.begun)
    };
    let mut late: Vec<f64> = made.iter().map(late).collect();
    late.sort_unstable_by(f64::total_cmp);
    Figures {
        saved: 1.0 - polls as f64 / each_second,
        mean: late.iter().sum::<f64>() / late.len() as f64,
        p90: late[late.len() * 9 / 10],
        worst: late[late.len() - 1],
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_reports_and_uploads_take_few_polls_and_none_much_longer() {
    let world = world(simulator(Level::Ultimate), AccessLevel::Ultimate);
    follow(&world, 200, secs(0)).await;
    let ledger = world.tiktok.ledger();
    assert_eq!(ledger.made.len(), 400);
    assert_eq!(ledger.total.refused.total(), 0);
    let figures = figures(&ledger.made);
    println!("{figures:?}");
    assert!(figures.saved >= 0.8, "{figures:?}");
    assert!(figures.worst <= 0.2, "{figures:?}");
}

#[tokio::test(start_paused = true)]
async fn the_way_to_the_server_makes_no_end_much_later() {
    let latency = Latency::uniform(Duration::from_millis(50), Duration::from_millis(250));
    let simulator = simulator(Level::Advanced).latency(latency);
    let world = world(simulator, AccessLevel::Advanced);
    follow(&world, 200, Duration::from_millis(1_500)).await;
    let figures = figures(&world.tiktok.ledger().made);
    println!("{figures:?}");
    assert!(figures.saved >= 0.8, "{figures:?}");
    assert!(figures.worst <= 0.2, "{figures:?}");
}

/// The polls of jobs that begin together fill the app's 20 a second for two
/// minutes, so some stand in the queue, and those jobs are later than that.
#[tokio::test(start_paused = true)]
async fn where_the_quota_is_full_of_polls_nine_of_ten_ends_are_in_time() {
    let world = world(simulator(Level::Advanced), AccessLevel::Advanced);
    follow(&world, 200, secs(0)).await;
    let ledger = world.tiktok.ledger();
    assert_eq!(ledger.total.refused.total(), 0);
    let full = ledger.seconds.iter().filter(|it| it.admitted == 20);
    assert!(full.count() >= 90);
    let figures = figures(&ledger.made);
    println!("{figures:?}");
    assert!(figures.saved >= 0.8, "{figures:?}");
    assert!(figures.mean <= 0.1, "{figures:?}");
    assert!(figures.p90 <= 0.2, "{figures:?}");
}

/// Where writes fill each second of the quota, a poll waits for the next, and
/// has every second turn in it. So these jobs take a minute at least.
#[tokio::test(start_paused = true)]
async fn writes_that_fill_the_quota_make_no_end_much_later() {
    let simulator = simulator(Level::Basic)
        .report_times(secs(30), secs(120))
        .transcoding(secs(150));
    let world = world(simulator, AccessLevel::Basic);
    let campaigns = (0..6_000).map(|n| {
        let account = 100 + n % 50;
        let body = format!(
            r#"{{"advertiser_id":"{account}","campaign_name":"{n}","objective_type":"TRAFFIC"}}"#
        );
        world.post("/campaign/create/", body)
    });
    let start = Instant::now();
    let campaigns = async {
        let campaigns = join_all(campaigns).await;
        let mut classes = campaigns.into_iter().map(|(class, _)| class);
        assert!(classes.all(|class| class == ErrorClass::Success));
        start.elapsed()
    };
    let jobs = async {
        follow(&world, 12, secs(5)).await;
        start.elapsed()
    };
    let (campaigns, jobs) = tokio::join!(campaigns, jobs);
    assert!(jobs < campaigns, "{jobs:?}, {campaigns:?}");
    let ledger = world.tiktok.ledger();
    let figures = figures(&ledger.made);
    println!("{figures:?}");
    assert!(figures.worst <= 0.2, "{figures:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_under_code_0_has_failed() {
    let simulator =
        Simulator::builder().script(Script::new(Fault::TaskFailure).path("/report/task/create/"));
    let world = world(simulator, AccessLevel::Basic);
    let task = world.report(1).await;
    let mut polls = poll_until(world.client.clone(), Task::report("1", task, get));
    let mut states = Vec::new();
    let error = loop {
        match polls.next().await.unwrap() {
            Ok(Progress::Running(state)) => states.push(state),
            Ok(Progress::Done(answer)) => panic!("{answer:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(states.first(), Some(&TaskState::Running));
    assert!(matches!(&error, PollFailed::Job { state, .. } if state == "FAILED"));
    assert!(error.to_string().contains("try again later"), "{error}");
    assert!(polls.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_is_over() {
    let world = world(Simulator::builder(), AccessLevel::Basic);
    let task = world.report(1).await;
    let body = format!(r#"{{"advertiser_id":"1","task_id":"{task}"}}"#);
    world.post("/report/task/cancel/", body).await;
    let polls = poll_until(world.client.clone(), Task::report("1", task, get));
    let error = polls.finish().await.unwrap_err();
    assert!(matches!(error, PollFailed::Job { state, .. } if state == "CANCELED"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_exist_is_not_waited_for() {
    let world = world(Simulator::builder(), AccessLevel::Basic);
    let polls = poll_until(world.client.clone(), Task::report("1", "17", get));
    let error = polls.finish().await.unwrap_err();
    let PollFailed::Refused(found) = error else {
        panic!("{error}");
    };
    assert_eq!(found.class(), ErrorClass::Permanent);
    assert_eq!(world.received("/report/task/check/"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long_is_given_up() {
    let simulator = Simulator::builder().report_times(secs(0), secs(10_000));
    let world = world(simulator, AccessLevel::Basic);
    let task = world.report(1).await;
    let polls = poll_until(world.client.clone(), Task::report("1", task, get));
    let error = polls.within(secs(600)).finish().await.unwrap_err();
    assert!(matches!(error, PollFailed::Overdue { age } if age <= secs(600)));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_task_is_followed_to_its_end() {
    let world = world(Simulator::builder(), AccessLevel::Basic);
    type Follow = fn(String) -> Task<crate::support::Body>;
    let kinds: [(&str, Follow); 4] = [
        ("/campaign/copy/task/create/", |id| {
            Task::campaign_copy("1", id, get)
        }),
        ("/comment/task/create/", |id| Task::comments("1", id, get)),
        ("/blockedword/task/create/", |id| {
            Task::blocked_words("1", id, get)
        }),
        ("/changelog/task/create/", |id| {
            Task::change_log("1", id, get)
        }),
    ];
    for (path, follow) in kinds {
        let body = r#"{"advertiser_id":"1","request_id":"17"}"#.to_owned();
        let (class, body) = world.post(path, body).await;
        assert_eq!(class, ErrorClass::Success, "{path}");
        let id = json(&body)["data"]["task_id"].as_str().unwrap().to_owned();
        let polls = poll_until(world.client.clone(), follow(id));
        let answer = polls.finish().await.unwrap();
        assert!(answer.windows(7).any(|word| word == b"SUCCESS"), "{path}");
    }
    for job in world.tiktok.ledger().made {
        assert!(job.polls <= 10, "{job:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_for_a_moment_is_no_news() {
    let simulator = Simulator::builder()
        .script(
            Script::new(Fault::BadGateway)
                .path("/report/task/check/")
                .times(3),
        )
        .maintenance(secs(20), secs(600));
    let world = world(simulator, AccessLevel::Basic);
    let task = world.report(1).await;
    let polls = poll_until(world.client.clone(), Task::report("1", task, get));
    assert!(polls.finish().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_ad_is_created_once_its_video_is_there() {
    let simulator = Simulator::builder().transcoding(secs(180));
    let world: World = world(simulator, AccessLevel::Basic);
    let adgroup = adgroup(&world).await;
    let answer = world.upload(1, "spring.mp4").await;
    let video = Upload::unfinished(&answer).unwrap();
    let ad = format!(
        r#"{{"advertiser_id":"1","adgroup_id":"{adgroup}","creatives":[
        {{"ad_name":"a","video_id":"{video}","ad_format":"SINGLE_VIDEO"}}]}}"#
    );
    let (class, body) = world.post("/ad/create/", ad).await;
    assert_eq!(class, ErrorClass::Success, "{body:?}");

    let ledger = world.tiktok.ledger();
    let ads = &ledger.endpoints["/ad/create/"];
    assert_eq!((ads.applied, ads.duplicated), (1, 0));
    // Backoff alone would have given up after six, or have asked without end.
    assert!((7..=20).contains(&ads.received), "{}", ads.received);
}

async fn adgroup(world: &World) -> String {
    let campaign = r#"{"advertiser_id":"1","campaign_name":"a","objective_type":"TRAFFIC"}"#;
    let (_, body) = world.post("/campaign/create/", campaign.to_owned()).await;
    let campaign = json(&body)["data"]["campaign_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let adgroup =
        format!(r#"{{"advertiser_id":"1","campaign_id":"{campaign}","adgroup_name":"a"}}"#);
    let (_, body) = world.post("/adgroup/create/", adgroup).await;
    json(&body)["data"]["adgroup_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_download_waits_until_the_report_is_there() {
    let world = world(Simulator::builder(), AccessLevel::Basic);
    let task = world.report(1).await;
    let path = format!("/open_api/v1.3/report/task/download/?advertiser_id=1&task_id={task}");
    let (class, body) = world.send(get(&path)).await;
    assert_eq!(class, ErrorClass::Success);
    assert!(body.starts_with(b"advertiser_id,spend"));
    let downloads = world.received("/report/task/download/");
    assert!((2..=12).contains(&downloads), "{downloads}");
}
