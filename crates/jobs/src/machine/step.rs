//! The transitions. Read top-down: one arm for each event, then what several arms share.

use super::{Effects, Ending, Event, Failing, Happening, Job, Misfit, Now, State};

/// Lets `event` happen to `job`, now.
///
/// # Errors
/// [`Misfit`], and then the job is as it was.
pub fn step(job: &mut Job, event: Event, now: Now) -> Result<Effects, Misfit> {
    match event {
        Event::Claim { lease_ms } => claim(job, lease_ms, now),
        Event::Beat { token, lease_ms } => beat(job, token, lease_ms, now),
        Event::Report { token } => held(job, token).map(|()| Effects::default()),
        Event::Complete { token } => settle(job, token, Ending::Completed, |job| end(job, State::Completed)),
        Event::Fail { token, failing, roll } => {
            settle(job, token, Ending::Failed, |job| fail(job, failing, roll, now))
        }
        Event::Stopped { token } => stopped(job, token),
        Event::Release { token } => settle(job, token, Ending::Released, release),
        Event::AskInput { token } => settle(job, token, Ending::AskedInput, ask_input),
        Event::AwaitChildren { token } => settle(job, token, Ending::AwaitsChildren, await_children),
        Event::Answer => answer(job),
        Event::AddChild => add_child(job),
        Event::ChildEnded { well } => Ok(child_ended(job, well, now)),
        Event::Cancel => cancel(job),
        Event::Retry => retry(job),
        Event::Tick => Ok(tick(job, now)),
        Event::WorkerLost => running(job, "lose its worker").map(|()| lose_worker(job)),
        Event::Grace { lease_ms } => running(job, "be given time").map(|()| grant(job, lease_ms, now)),
    }
}

fn claim(job: &mut Job, lease_ms: i64, now: Now) -> Result<Effects, Misfit> {
    if job.state != State::Queued || is_overdue(job, now) {
        return Err(Misfit::State { state: job.state, doing: "be claimed" });
    }
    job.state = State::Running;
    job.attempt += 1;
    job.token += 1;
    job.ending = None;
    job.lease_until_ms = now.steady_ms + lease_ms;
    Ok(Effects::of(Happening::Started))
}

/// A job that is to stop gets no more time: a worker that does not listen loses it when its lease ends.
fn beat(job: &mut Job, token: u64, lease_ms: i64, now: Now) -> Result<Effects, Misfit> {
    held(job, token)?;
    if !job.stop {
        job.lease_until_ms = now.steady_ms + lease_ms;
    }
    Ok(Effects::default())
}

/// What every end of an attempt has in common: only who holds the job may say it, only the first time counts, and
/// a job that was to stop is cancelled whatever the worker says.
fn settle(
    job: &mut Job,
    token: u64,
    ending: Ending,
    go_on: impl FnOnce(&mut Job) -> Effects,
) -> Result<Effects, Misfit> {
    if was_said(job, token, ending) {
        return Ok(Effects { repeated: true, ..Effects::default() });
    }
    held(job, token)?;
    job.ending = Some(ending);
    Ok(if job.stop { end(job, State::Cancelled) } else { go_on(job) })
}

fn fail(job: &mut Job, failing: Failing, roll: u32, now: Now) -> Effects {
    let Failing::Retryable { after_ms } = failing else { return end(job, State::Failed) };
    if job.attempt >= job.attempts_max {
        return end(job, State::Dead);
    }
    let pause_ms = after_ms.unwrap_or_else(|| job.backoff.pause_ms(job.attempt, roll));
    job.run_at_ms = now.wall_ms.saturating_add(pause_ms.into());
    if job.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= job.run_at_ms) {
        return end(job, State::Failed);
    }
    job.state = if pause_ms == 0 { State::Queued } else { State::Scheduled };
    Effects::of(Happening::Retrying)
}

fn stopped(job: &mut Job, token: u64) -> Result<Effects, Misfit> {
    if !job.stop {
        held(job, token)?;
        return Err(Misfit::State { state: job.state, doing: "say that it stopped: nobody asked it to" });
    }
    settle(job, token, Ending::Stopped, |job| end(job, State::Cancelled))
}

fn release(job: &mut Job) -> Effects {
    uncount_attempt(job);
    job.state = State::Queued;
    Effects::of(Happening::Released)
}

fn ask_input(job: &mut Job) -> Effects {
    uncount_attempt(job);
    job.state = State::WaitingForInput;
    Effects::of(Happening::AskedInput)
}

fn await_children(job: &mut Job) -> Effects {
    if job.fails_with_children && job.child_failed {
        return end(job, State::Failed);
    }
    uncount_attempt(job);
    job.awaits_children = job.children_open > 0;
    job.state = if job.awaits_children { State::Scheduled } else { State::Queued };
    Effects::of(if job.awaits_children { Happening::AwaitsChildren } else { Happening::Ready })
}

fn answer(job: &mut Job) -> Result<Effects, Misfit> {
    if job.state != State::WaitingForInput {
        return Err(Misfit::State { state: job.state, doing: "be answered: it asks nothing" });
    }
    job.state = State::Queued;
    Ok(Effects::of(Happening::Answered))
}

fn add_child(job: &mut Job) -> Result<Effects, Misfit> {
    if job.state.has_ended() || job.stop {
        return Err(Misfit::State { state: job.state, doing: "get another child" });
    }
    job.children_open += 1;
    Ok(Effects::default())
}

fn child_ended(job: &mut Job, well: bool, now: Now) -> Effects {
    job.children_open = job.children_open.saturating_sub(1);
    job.child_failed |= !well;
    if job.state != State::Scheduled || !job.awaits_children {
        return Effects::default();
    }
    if job.fails_with_children && job.child_failed {
        return end(job, State::Failed);
    }
    if job.children_open > 0 {
        return Effects::default();
    }
    job.awaits_children = false;
    become_ready_if_due(job, now)
}

fn cancel(job: &mut Job) -> Result<Effects, Misfit> {
    match job.state {
        State::Cancelled => Ok(Effects { repeated: true, ..Effects::default() }),
        State::Running if job.stop => Ok(Effects { repeated: true, ..Effects::default() }),
        State::Running => {
            job.stop = true;
            Ok(Effects { stop_worker: true, end_children: true, ..Effects::of(Happening::Stopping) })
        }
        state if state.has_ended() => Err(Misfit::State { state, doing: "be cancelled: it has ended" }),
        _ => Ok(end(job, State::Cancelled)),
    }
}

/// One that failed starts over: with all its attempts, and without the deadline that may have passed.
fn retry(job: &mut Job) -> Result<Effects, Misfit> {
    match job.state {
        State::Failed | State::Dead => {
            (job.attempt, job.deadline_ms, job.child_failed) = (0, None, false);
        }
        State::Scheduled if !job.awaits_children => {}
        state => return Err(Misfit::State { state, doing: "be retried" }),
    }
    job.state = State::Queued;
    Ok(Effects::of(Happening::Retried))
}

fn tick(job: &mut Job, now: Now) -> Effects {
    if is_overdue(job, now) && !job.state.has_ended() {
        return miss_deadline(job);
    }
    match job.state {
        State::Running if job.lease_until_ms <= now.steady_ms => lose_worker(job),
        State::Scheduled if !job.awaits_children => become_ready_if_due(job, now),
        _ => Effects::default(),
    }
}

fn miss_deadline(job: &mut Job) -> Effects {
    let was_running = job.state == State::Running;
    if was_running {
        job.ending = Some(Ending::Lost);
    }
    let state = if job.stop { State::Cancelled } else { State::Failed };
    Effects { stop_worker: was_running, ..end(job, state) }
}

/// The attempt counts: the job itself may be what brings workers down, or may not be safe to run twice.
fn lose_worker(job: &mut Job) -> Effects {
    job.ending = Some(Ending::Lost);
    job.stalls = job.stalls.saturating_add(1);
    if job.stop {
        return end(job, State::Cancelled);
    }
    if job.attempt >= job.attempts_max {
        return Effects { stop_worker: true, ..end(job, State::Dead) };
    }
    job.state = State::Queued;
    Effects { stop_worker: true, ..Effects::of(Happening::Stalled) }
}

fn grant(job: &mut Job, lease_ms: i64, now: Now) -> Effects {
    job.lease_until_ms = now.steady_ms + lease_ms;
    Effects::default()
}

fn become_ready_if_due(job: &mut Job, now: Now) -> Effects {
    if job.run_at_ms > now.wall_ms {
        return Effects::default();
    }
    job.state = State::Queued;
    Effects::of(Happening::Ready)
}

fn end(job: &mut Job, state: State) -> Effects {
    let holds_parent = std::mem::take(&mut job.holds_parent);
    job.state = state;
    job.awaits_children = false;
    let well = state == State::Completed;
    Effects {
        end_children: !well,
        tell_parent: holds_parent.then_some(well),
        ..Effects::of(match state {
            State::Completed => Happening::Completed,
            State::Cancelled => Happening::Cancelled,
            State::Dead => Happening::Dead,
            _ => Happening::Failed,
        })
    }
}

/// The fence: only the latest claim may speak for the job, and only while it runs.
fn held(job: &Job, token: u64) -> Result<(), Misfit> {
    if job.state == State::Running && job.token == token {
        Ok(())
    } else {
        Err(Misfit::Stale { state: job.state })
    }
}

fn was_said(job: &Job, token: u64, ending: Ending) -> bool {
    job.token == token && job.ending == Some(ending)
}

fn running(job: &Job, doing: &'static str) -> Result<(), Misfit> {
    if job.state == State::Running { Ok(()) } else { Err(Misfit::State { state: job.state, doing }) }
}

fn is_overdue(job: &Job, now: Now) -> bool {
    job.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now.wall_ms)
}

/// The attempt is not over, only interrupted.
fn uncount_attempt(job: &mut Job) {
    job.attempt = job.attempt.saturating_sub(1);
}
