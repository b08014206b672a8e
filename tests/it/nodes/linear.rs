//! Whether a recorded history of one object could have come about one operation after the other (linearizability), after
//! Wing and Gong with the memory of Lowe: operations that overlap may have happened in any order, others only in theirs.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

const STACK_BYTES: usize = 256 << 20;

/// An object, as far as its clients can tell.
pub trait Model {
    type State: Clone + Eq + Hash + Debug;
    /// What was asked, and what was answered.
    type Op: Debug;

    fn initial(&self) -> Self::State;

    /// The states in which the object may be after this operation; none when this answer cannot be given in this state.
    fn after(&self, state: &Self::State, op: &Self::Op) -> Vec<Self::State>;
}

/// One operation of a history. `returned` is none when nobody knows its outcome: it may have happened at any later time, or not
/// at all.
#[derive(Clone, Debug)]
pub struct Call<Op> {
    pub invoked: u64,
    pub returned: Option<u64>,
    pub op: Op,
}

/// Looks for an order in which every answer is right. Answers with the longest run of operations that has one, for people to
/// look at, when the whole history has none.
pub fn check<M: Model + Sync>(model: &M, history: &[Call<M::Op>]) -> Result<(), Stuck>
where
    M::Op: Sync,
{
    // The search goes as deep as the history is long.
    let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
    std::thread::scope(|scope| {
        let thread = builder.spawn_scoped(scope, || search(model, history)).unwrap();
        thread.join().unwrap()
    })
}

fn search<M: Model>(model: &M, history: &[Call<M::Op>]) -> Result<(), Stuck> {
    let mut search = Search { model, history, seen: HashSet::new(), longest: Vec::new() };
    let mut done = Done::new(history.len());
    if search.go(&model.initial(), &mut done, &mut Vec::new()) {
        return Ok(());
    }
    let stuck = history.iter().enumerate().filter(|(index, _)| !search.longest.contains(index));
    let next = stuck.map(|(_, call)| call).min_by_key(|call| call.returned.unwrap_or(u64::MAX));
    let shown = |index: &usize| format!("{:?}", history[*index]);
    Err(Stuck { order: search.longest.iter().map(shown).collect(), next: format!("{next:?}") })
}

/// Why a history is refused: the longest order found, and what does not fit behind it.
#[derive(Debug)]
pub struct Stuck {
    pub order: Vec<String>,
    pub next: String,
}

/// Which operations have been put in order.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done(Vec<u64>);

impl Done {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn flip(&mut self, index: usize) {
        self.0[index / 64] ^= 1 << (index % 64);
    }
}

struct Search<'a, M: Model> {
    model: &'a M,
    history: &'a [Call<M::Op>],
    /// Where the search has been: from there no order leads on.
    seen: HashSet<(Done, M::State)>,
    longest: Vec<usize>,
}

impl<M: Model> Search<'_, M> {
    /// Whether the operations that are left can be put in order from this state on.
    fn go(&mut self, state: &M::State, done: &mut Done, order: &mut Vec<usize>) -> bool {
        let left = || (0..self.history.len()).filter(|index| !done.has(*index));
        // Whatever comes next was invoked before anything that is left had returned.
        let Some(horizon) = left().filter_map(|index| self.history[index].returned).min() else {
            return true; // what is left may never have happened
        };
        let candidates: Vec<usize> =
            left().filter(|index| self.history[*index].invoked <= horizon).collect();
        for index in candidates {
            for next in self.model.after(state, &self.history[index].op) {
                done.flip(index);
                order.push(index);
                if order.len() > self.longest.len() {
                    self.longest.clone_from(order);
                }
                let known = !self.seen.insert((done.clone(), next.clone()));
                if !known && self.go(&next, done, order) {
                    return true;
                }
                order.pop();
                done.flip(index);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that can be written, read, and raised if it is what the caller thinks.
    struct Register;

    #[derive(Clone, Debug)]
    enum Op {
        Write(u8),
        Read(u8),
        Swap(u8, u8, bool),
        /// Written, or not: nobody was told.
        MaybeWrite(u8),
    }

    impl Model for Register {
        type State = u8;
        type Op = Op;

        fn initial(&self) -> u8 {
            0
        }

        fn after(&self, state: &u8, op: &Op) -> Vec<u8> {
            match op {
                Op::Write(value) | Op::MaybeWrite(value) => vec![*value],
                Op::Read(value) if value == state => vec![*state],
                Op::Swap(from, to, true) if from == state => vec![*to],
                Op::Swap(from, _, false) if from != state => vec![*state],
                Op::Read(_) | Op::Swap(..) => vec![],
            }
        }
    }

    fn call(invoked: u64, returned: u64, op: Op) -> Call<Op> {
        Call { invoked, returned: Some(returned), op }
    }

    fn open(invoked: u64, op: Op) -> Call<Op> {
        Call { invoked, returned: None, op }
    }

    fn is_linear(history: &[Call<Op>]) -> bool {
        check(&Register, history).is_ok()
    }

    #[test]
    fn operations_that_overlap_may_have_happened_in_either_order() {
        for seen in [1, 2] {
            let history =
                [call(0, 10, Op::Write(1)), call(1, 9, Op::Write(2)), call(11, 12, Op::Read(seen))];
            assert!(is_linear(&history), "{seen}");
        }
        let between = [call(0, 10, Op::Write(1)), call(1, 3, Op::Read(0)), call(4, 6, Op::Read(1))];
        assert!(is_linear(&between));
    }

    #[test]
    fn a_read_of_what_was_overwritten_before_it_began_is_refused() {
        let history = [call(0, 1, Op::Write(1)), call(2, 3, Op::Write(2)), call(4, 5, Op::Read(1))];
        let stuck = check(&Register, &history).unwrap_err();
        assert_eq!(stuck.order.len(), 2, "{stuck:?}");
        assert!(stuck.next.contains("Read(1)"), "{stuck:?}");
    }

    #[test]
    fn a_read_that_goes_back_in_time_is_refused_although_each_alone_is_right() {
        let history = [call(0, 10, Op::Write(1)), call(1, 3, Op::Read(1)), call(4, 6, Op::Read(0))];
        assert!(!is_linear(&history));
    }

    #[test]
    fn a_refusal_that_rests_on_an_old_state_is_refused() {
        // It was 1 since long before the swap was asked for, and still is.
        let stale = [call(0, 1, Op::Write(1)), call(2, 3, Op::Swap(1, 2, false))];
        assert!(!is_linear(&stale));
        let at_once = [call(0, 5, Op::Write(1)), call(2, 3, Op::Swap(1, 2, false))];
        assert!(is_linear(&at_once));
    }

    #[test]
    fn of_two_swaps_from_one_value_only_one_succeeds() {
        let both = [call(0, 9, Op::Swap(0, 1, true)), call(1, 8, Op::Swap(0, 2, true))];
        assert!(!is_linear(&both));
        let one = [call(0, 9, Op::Swap(0, 1, true)), call(1, 8, Op::Swap(0, 2, false))];
        assert!(is_linear(&one));
    }

    #[test]
    fn an_operation_of_unknown_outcome_may_have_happened_late_or_never_but_not_early() {
        let late = [
            open(0, Op::MaybeWrite(7)),
            call(1, 2, Op::Read(0)),
            call(3, 4, Op::Write(1)),
            call(5, 6, Op::Read(7)),
        ];
        assert!(is_linear(&late));
        let never = [open(0, Op::MaybeWrite(7)), call(1, 2, Op::Read(0))];
        assert!(is_linear(&never));
        let early = [call(0, 1, Op::Read(7)), open(2, Op::MaybeWrite(7))];
        assert!(!is_linear(&early));
        let twice = [
            open(0, Op::MaybeWrite(7)),
            call(1, 2, Op::Read(7)),
            call(3, 4, Op::Write(1)),
            call(5, 6, Op::Read(7)),
        ];
        assert!(!is_linear(&twice));
    }

    #[test]
    fn long_histories_with_much_overlap_are_decided_soon() {
        let rounds: Vec<Call<Op>> = (0..200_u64)
            .flat_map(|round| {
                let (start, value) = (round * 10, (round % 5) as u8);
                (0..6)
                    .map(move |n| call(start + n, start + 8, Op::Write(value)))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(is_linear(&rounds));
        let mut broken = rounds;
        broken.push(call(5_000, 5_001, Op::Read(9)));
        assert!(!is_linear(&broken));
    }
}
