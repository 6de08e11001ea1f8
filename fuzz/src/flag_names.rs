//! Flags and filters: what is shown is read again, folding adds nothing.

use pagemap_viz::inventory::Sight;
use pagemap_viz::kernel::{
    BitFilter, Edition, Folding, PageFlags, PageSpan, PagemapEntry, parse_flags, parse_number,
};

use super::shared::Bytes;

const EDITIONS: [Edition; 3] = [Edition::V5_10, Edition::V6_1, Edition::V6_12];

/// Names, numbers, conditions and ranges as options take them. The first eight bytes are a word that conditions
/// are held against, and that is shown and read again.
pub fn flag_names(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = PageFlags(bytes.u64());
    let text = String::from_utf8_lossy(bytes.0);
    assert_eq!(PageFlags::parse_list(&flags.names().join(",")), Ok(flags));
    let _ = PageFlags::parse_list(&text);
    if let Ok(span) = PageSpan::parse(&text) {
        assert!(span.start <= span.end);
        let inside = span.within(10, 20);
        assert!(
            inside.start >= 10 && inside.end >= inside.start && inside.end <= 20.max(span.start)
        );
    }
    if let Some(number) = parse_number(&text) {
        assert_eq!(parse_number(&format!("{number:#x}")), Some(number));
    }
    for edition in EDITIONS {
        assert_eq!(
            edition.letters(flags).chars().count(),
            edition.bits().count()
        );
        // "swap" is taken for swapcache, as page-types does.
        let named = flags.without(PageFlags(1 << 62));
        let names = edition.names(named).join(",");
        let read = parse_flags(&names, edition).expect("its own names");
        assert_eq!(read.0, named, "{names}");
        let _ = parse_flags(&text, edition);
        let filters = BitFilter::parse(&text, edition);
        for folding in [Folding::WellKnown, Folding::Raw, Folding::Unfolded] {
            let entry = PagemapEntry(flags.0.rotate_left(17));
            let folded = edition.fold(flags, entry, folding);
            let filters = filters.iter().map(|(filter, _)| *filter).collect();
            let sight = Sight {
                edition,
                folding,
                filters,
            };
            assert!(sight.see(flags, entry).is_none_or(|seen| seen == folded));
            if folding == Folding::WellKnown {
                assert!(
                    !folded.has(PageFlags(0xffff << 32))
                        && folded.without(flags) == PageFlags::NONE
                );
            }
        }
    }
}
