//! Classes: no cut changes them, counts add up, stripped sets lose what is noise.

use pagemap_viz::classify::{
    CLASS_KEYS, Class, Classifier, FlagSet, Key, KsmVerdict, Noise, SetKeys, settle,
};
use pagemap_viz::kernel::{PageFlags, Pfn, ZoneMap};
use pagemap_viz::orders::FreeOrders;
use pagemap_viz::tally::{ClassCounts, Tally};

use super::shared::{Bytes, words};

/// Raw words to classes: cutting memory anywhere changes nothing, and free blocks are the free pages.
pub fn classes(data: &[u8]) {
    let mut bytes = Bytes(data);
    let pmd_pages = 1 << (bytes.u8() % 11);
    let highest = u32::from(bytes.u8() % 16);
    let cuts: [u8; 4] = std::array::from_fn(|_| bytes.u8());
    let words = words(&mut bytes, 5000);
    let mut keys = vec![Key::default(); words.len()];
    Classifier::new(pmd_pages).classify(&words, None, &[], &mut keys);
    let mut cut_keys = vec![Key::default(); words.len()];
    let mut classifier = Classifier::new(pmd_pages);
    let (mut at, mut open) = (0, None);
    for step in cuts.iter().cycle() {
        let end = (at + 1 + usize::from(*step)).min(words.len());
        let block = &words[at..end];
        let wanted = classifier.pages_wanted_after(block).unwrap_or(0) as usize;
        let after = &words[end..words.len().min(end + wanted)];
        open = classifier.classify(block, open, after, &mut cut_keys[at..end]);
        at = end;
        if at == words.len() {
            break;
        }
    }
    assert!(keys == cut_keys, "a cut changes no class");
    assert!(keys.iter().all(|key| usize::from(key.0) < CLASS_KEYS));
    let mut tally = Tally::default();
    tally.add(&keys);
    for verdict in [KsmVerdict::Believed, KsmVerdict::Doubted] {
        let counts = ClassCounts::settle(&tally, verdict);
        assert_eq!(counts.total(), words.len() as u64);
        for &class in Class::ALL {
            let pages = keys.iter().filter(|&&key| settle(key, verdict) == class);
            assert_eq!(counts.of(class), pages.count() as u64);
        }
    }
    let start = u64::from(cuts[0]) << 15;
    let mut free = 0;
    let mut end = start;
    FreeOrders::new(ZoneMap::default(), highest).each(Pfn(start), &keys, &mut |block, order, _| {
        assert!(order <= highest && block.pages() == 1 << order && block.start.0 >= end);
        assert!(block.start.0.is_multiple_of(1 << order));
        end = block.end.0;
        free += block.pages();
    });
    assert_eq!(free, tally.of(Key(Class::Free as u8)));
    stripped(&words, bytes.u64());
}

/// The sets that a picture by flags shows.
fn stripped(words: &[PageFlags], noise: u64) {
    let noise = Noise(PageFlags(noise));
    let mut keys = SetKeys::new();
    for &word in words {
        for noise in [noise, Noise::default()] {
            let set = noise.strip(word);
            assert!(matches!(set, FlagSet::Of(flags) if !flags.has(noise.0)));
            let key = keys.add(set);
            assert_eq!(keys.find(set), Some(key));
            assert!(usize::from(key.0) < keys.sets().len() && keys.sets().len() <= Key::LIMIT);
        }
    }
}
