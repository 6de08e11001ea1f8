//! The pass over a block of words: a cache of judged words, and compounds resolved as they come.
//!
//! Real memory has about 200 distinct words and, where it is busy, runs of a page or two: there a
//! small direct-mapped cache on the word's value beats both a chain of tests and run detection. A
//! page takes about 1 ns on the busiest captured memory (`cargo bench`).

use super::rules::{CompoundSize, judge, proves_ksm};
use super::{Class, Key};
use crate::kernel::PageFlags;

const CACHE_BITS: u32 = 10;
/// 2^64 divided by the golden ratio: spreads words that differ in few bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A compound that a block ended within: what its tails in the next block take from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCompound {
    head: PageFlags,
    size: CompoundSize,
}

impl OpenCompound {
    /// With this head and so many pages, where a PMD maps `pmd_pages`.
    pub fn new(head: PageFlags, pages: u64, pmd_pages: u64) -> Self {
        let size = CompoundSize::of(pages, pmd_pages);
        Self { head, size }
    }
}

/// Turns words into keys of the class lens. One per worker; what it keeps is a cache, never a state
/// that a result depends on, but for [`Classifier::saw_proof_of_ksm`].
#[derive(Debug)]
pub struct Classifier {
    pmd_pages: u64,
    cache: Box<[Judged; 1 << CACHE_BITS]>,
    tails: TailMemo,
    proves_ksm: bool,
}

#[derive(Clone, Copy, Debug)]
struct Judged {
    word: u64,
    key: Key,
    kind: Kind,
    proves_ksm: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Single,
    Head,
    Tail,
}

impl Kind {
    /// A page that says both is a head: no kernel does that.
    fn of(flags: PageFlags) -> Self {
        match flags {
            f if f.has(PageFlags::COMPOUND_HEAD) => Self::Head,
            f if f.has(PageFlags::COMPOUND_TAIL) => Self::Tail,
            _ => Self::Single,
        }
    }
}

/// The tail judged last: tails of neighbouring compounds repeat.
#[derive(Clone, Copy, Debug)]
struct TailMemo {
    of: OpenCompound,
    tail: PageFlags,
    key: Key,
}

impl Judged {
    fn new(word: u64) -> Self {
        let flags = PageFlags(word);
        Self {
            word,
            key: judge(flags, CompoundSize::Single),
            kind: Kind::of(flags),
            proves_ksm: proves_ksm(flags),
        }
    }
}

impl Classifier {
    /// `pmd_pages`: pages of one PMD-sized huge page.
    pub fn new(pmd_pages: u64) -> Self {
        let none = OpenCompound {
            head: PageFlags::NONE,
            size: CompoundSize::Single,
        };
        Self {
            pmd_pages,
            cache: Box::new([Judged::new(0); 1 << CACHE_BITS]),
            tails: TailMemo {
                of: none,
                tail: PageFlags::NONE,
                key: Key(Class::Unmarked as u8),
            },
            proves_ksm: false,
        }
    }

    /// True once a page was seen that is ANON, neither SLAB nor BUDDY, and not KSM.
    pub fn saw_proof_of_ksm(&self) -> bool {
        self.proves_ksm
    }

    /// How many words after a block are needed to know the size of a compound that the block ends
    /// in: from beyond the PMD size on, sizes no longer differ. `None` when the block ends in none.
    pub fn pages_wanted_after(&self, words: &[PageFlags]) -> Option<u64> {
        let head = words
            .iter()
            .rposition(|&word| Kind::of(word) != Kind::Tail)?;
        let pages = (words.len() - head) as u64;
        (Kind::of(words[head]) == Kind::Head && pages <= self.pmd_pages)
            .then(|| self.pmd_pages + 1 - pages)
    }

    /// Judges a block of consecutive pages.
    ///
    /// `open` is the compound that the block begins within, if it begins with a tail; `after` are
    /// the words that follow, as many as [`Classifier::pages_wanted_after`] asks for or memory has.
    /// Returns the compound that the block ends within, for the block that follows.
    ///
    /// # Panics
    /// When `keys` and `words` differ in length.
    pub fn classify(
        &mut self,
        words: &[PageFlags],
        open: Option<OpenCompound>,
        after: &[PageFlags],
        keys: &mut [Key],
    ) -> Option<OpenCompound> {
        assert_eq!(words.len(), keys.len(), "one key a page");
        let led = tail_run(words);
        let mut open = open;
        match open {
            Some(compound) => self.classify_tails(compound, &words[..led], &mut keys[..led]),
            None => self.classify_orphans(&words[..led], &mut keys[..led]),
        }
        let mut at = led;
        while at < words.len() {
            open = None;
            let judged = self.look_up(words[at]);
            keys[at] = judged.key;
            self.proves_ksm |= judged.proves_ksm;
            at += 1;
            if judged.kind != Kind::Head {
                continue;
            }
            let tails = tail_run(&words[at..]);
            let beyond = if at + tails == words.len() {
                tail_run(after)
            } else {
                0
            };
            let size = CompoundSize::of(1 + (tails + beyond) as u64, self.pmd_pages);
            let compound = OpenCompound {
                head: words[at - 1],
                size,
            };
            if size != CompoundSize::Single {
                keys[at - 1] = judge(compound.head, size);
            }
            self.classify_tails(compound, &words[at..at + tails], &mut keys[at..at + tails]);
            at += tails;
            open = Some(compound);
        }
        open
    }

    fn look_up(&mut self, flags: PageFlags) -> Judged {
        let slot = &mut self.cache[(flags.0.wrapping_mul(SPREAD) >> (64 - CACHE_BITS)) as usize];
        if slot.word != flags.0 {
            *slot = Judged::new(flags.0);
        }
        *slot
    }

    /// Tails without a head keep their own flags and count as single pages.
    fn classify_orphans(&mut self, words: &[PageFlags], keys: &mut [Key]) {
        for (&word, key) in words.iter().zip(keys) {
            let judged = self.look_up(word);
            *key = judged.key;
            self.proves_ksm |= judged.proves_ksm;
        }
    }

    /// All tails of a compound are alike as a rule, but not always: one of them may be poisoned.
    fn classify_tails(&mut self, compound: OpenCompound, words: &[PageFlags], keys: &mut [Key]) {
        let mut at = 0;
        while at < words.len() {
            let tail = words[at];
            let alike = words[at..].iter().take_while(|&&word| word == tail).count();
            keys[at..at + alike].fill(self.judge_tail(compound, tail));
            at += alike;
        }
    }

    fn judge_tail(&mut self, compound: OpenCompound, tail: PageFlags) -> Key {
        if self.tails.of != compound || self.tails.tail != tail {
            let flags = tail.with(compound.head.without(PageFlags::COMPOUND_HEAD));
            self.proves_ksm |= proves_ksm(flags);
            self.tails = TailMemo {
                of: compound,
                tail,
                key: judge(flags, compound.size),
            };
        }
        self.tails.key
    }
}

fn tail_run(words: &[PageFlags]) -> usize {
    words
        .iter()
        .take_while(|&&word| Kind::of(word) == Kind::Tail)
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classify::{KsmVerdict, settle};

    const PMD: u64 = 8;

    /// The definition, page by page: the head and the size of each page's compound by searching.
    fn by_definition(words: &[PageFlags]) -> Vec<Key> {
        let kind = |at: usize| words.get(at).map(|&word| Kind::of(word));
        let judge_at = |at: usize| {
            let head = (0..=at).rev().find(|&i| kind(i) != Some(Kind::Tail));
            let Some(head) = head.filter(|&i| kind(i) == Some(Kind::Head)) else {
                return judge(words[at], CompoundSize::Single);
            };
            if kind(at) == Some(Kind::Single) {
                return judge(words[at], CompoundSize::Single);
            }
            let end = (head + 1..)
                .find(|&i| kind(i) != Some(Kind::Tail))
                .expect("memory ends");
            let size = CompoundSize::of((end - head) as u64, PMD);
            let inherited = if at == head {
                PageFlags::NONE
            } else {
                words[head].without(PageFlags::COMPOUND_HEAD)
            };
            judge(words[at].with(inherited), size)
        };
        (0..words.len()).map(judge_at).collect()
    }

    fn in_blocks(words: &[PageFlags], block: usize) -> Vec<Key> {
        let mut classifier = Classifier::new(PMD);
        let mut keys = vec![Key::default(); words.len()];
        let mut open = None;
        for start in (0..words.len()).step_by(block) {
            let end = (start + block).min(words.len());
            let wanted = classifier
                .pages_wanted_after(&words[start..end])
                .unwrap_or(0) as usize;
            let after = &words[end..(end + wanted).min(words.len())];
            open = classifier.classify(&words[start..end], open, after, &mut keys[start..end]);
        }
        keys
    }

    fn memory() -> impl Strategy<Value = Vec<PageFlags>> {
        let flags = prop_oneof![
            Just(PageFlags::ANON),
            Just(PageFlags::ANON.with(PageFlags::KSM)),
            Just(PageFlags::SWAPBACKED),
            Just(PageFlags::UPTODATE),
            Just(PageFlags::SLAB),
            Just(PageFlags::NONE),
        ];
        let single = flags.clone().prop_map(|f| vec![f]);
        let orphan = Just(vec![PageFlags::COMPOUND_TAIL]);
        let compound = (flags, 0usize..20, any::<bool>()).prop_map(|(f, tails, poisoned)| {
            let mut words = vec![PageFlags::COMPOUND_TAIL; tails + 1];
            words[0] = f.with(PageFlags::COMPOUND_HEAD);
            if poisoned && tails > 2 {
                words[2] = PageFlags::COMPOUND_TAIL.with(PageFlags::HWPOISON);
            }
            words
        });
        let part = prop_oneof![4 => single, 1 => orphan, 3 => compound];
        proptest::collection::vec(part, 1..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_give_what_the_definition_gives(words in memory(), block in 1usize..50) {
            prop_assert_eq!(in_blocks(&words, block), by_definition(&words));
        }
    }

    #[test]
    fn a_tail_takes_what_it_lacks_from_its_head() {
        // Kernels up to 6.9: the tail of a shmem THP says neither SWAPBACKED nor LRU.
        let head = PageFlags::parse_list("uptodate,dirty,lru,swapbacked,thp,compound_head,mmap")
            .expect("names");
        let tail = PageFlags::parse_list("mmap,thp,compound_tail").expect("names");
        let mut words = vec![tail; PMD as usize];
        words[0] = head;
        let classes: Vec<_> = in_blocks(&words, 3)
            .iter()
            .map(|&key| settle(key, KsmVerdict::Doubted))
            .collect();
        assert_eq!(classes, [Class::ShmemLarge; PMD as usize]);
    }

    #[test]
    fn an_orphan_tail_counts_as_one_page() {
        let anonymous_tail = PageFlags::COMPOUND_TAIL.with(PageFlags::ANON);
        assert_eq!(
            in_blocks(&[PageFlags::BUDDY, anonymous_tail], 2)[1],
            Key(Class::Anon as u8)
        );
    }
}
