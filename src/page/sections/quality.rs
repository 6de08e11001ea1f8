//! How far the numbers can be trusted.

use super::{Section, section};
use crate::render::{grouped, share, size};
use crate::report::Report;

pub(super) fn quality(report: &Report) -> Section {
    let quality = &report.quality;
    let mut text = Vec::new();
    match (quality.seconds, quality.drift_sampled, quality.drift_changed) {
        (Some(seconds), Some(sampled), Some(changed)) => text.push(format!(
            "Memory was read in {seconds:.2} s while it went on changing: of {} pages that were read twice {} ({}) had become something else.",
            grouped(sampled), grouped(changed), share(changed, sampled.max(1))
        )),
        (Some(seconds), ..) => text.push(format!("Memory was read in {seconds:.2} s while it went on changing.")),
        _ => text.push("How long it took to read is not known of a copy.".to_owned()),
    }
    if let Some(difference) = quality.buddyinfo_difference {
        text.push(match difference {
            0 => {
                "Free blocks are those that the kernel counts, in every zone and order.".to_owned()
            }
            pages => format!(
                "Free blocks and the kernel's own counts differ by {} pages.",
                grouped(pages)
            ),
        });
    }
    let page = report.page_size;
    let not_set_up = quality
        .unmarked_not_set_up
        .filter(|&pages| pages > 0)
        .map_or_else(String::new, |pages| {
            format!(
                " {} are free and were never set up by the kernel,",
                size(pages * page)
            )
        });
    text.push(format!(
        "{} have no mark: {} wait on processors' lists to be free,{not_set_up} {} are unexplained.",
        size(quality.unmarked * page),
        size(quality.unmarked_waiting * page),
        size(quality.unexplained() * page)
    ));
    if quality.outside_zones > 0 {
        text.push(format!(
            "{} pages lie in no zone and are counted in no block.",
            grouped(quality.outside_zones)
        ));
    }
    if quality.unevictable > 0 {
        text.push(format!(
            "{} are locked in memory and count as movable.",
            size(quality.unevictable * page)
        ));
    }
    match quality.pinned {
        Some(pages) if pages > 0 => text.push(format!(
            "Drivers hold {} pages for good, which look movable: what can be had is at most what is said.", grouped(pages)
        )),
        _ => {}
    }
    match (quality.ksm_marked, quality.ksm_believed) {
        (0, _) => {}
        (pages, true) => text.push(format!("{} anonymous pages have the mark of KSM, which is believed.", grouped(pages))),
        (pages, false) => text.push(format!(
            "{} anonymous pages have the mark of KSM, all that there are: a mistake of some kernels, not believed.", grouped(pages)
        )),
    }
    if let Some(refused) = report
        .processes
        .as_ref()
        .map(|all| all.refused)
        .filter(|&refused| refused > 0)
    {
        text.push(match refused {
            1 => "One process would not be asked.".to_owned(),
            refused => format!("{} processes would not be asked.", grouped(refused)),
        });
    }
    for missing in &quality.missing {
        text.push(format!("Missing: {missing}."));
    }
    Section {
        text,
        ..section("quality", "How far this can be trusted")
    }
}
