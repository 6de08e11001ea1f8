//! The PAGEMAP_SCAN ioctl (6.7): where in a range of addresses something is. One of two files with
//! unsafe code: the definition of the ioctl, which no crate has.
#![allow(unsafe_code, reason = "the definition of an ioctl")]

use std::fs::File;

use linux_raw_sys::general::{PAGE_IS_PRESENT, PAGE_IS_SWAPPED, page_region, pm_scan_arg};
use rustix::io::Result;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};

/// Regions of one call.
const REGIONS: usize = 4096;

/// Addresses behind which something is, in memory or in swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Where something is in `start..end`, ascending. Neighbours may come apart.
pub(super) fn populated(pagemap: &File, start: u64, end: u64) -> Result<Vec<Region>> {
    let mut buffer = vec![
        page_region {
            start: 0,
            end: 0,
            categories: 0
        };
        REGIONS
    ];
    let mut regions = Vec::new();
    let mut at = start;
    while at < end {
        let (count, walk_end) = ioctl_scan(pagemap, at, end, &mut buffer)?;
        let found = &buffer[..count];
        regions.extend(found.iter().map(|region| Region {
            start: region.start,
            end: region.end,
        }));
        // The kernel leaves walk_end at an earlier place when a walk that filled its own buffer once
        // ends normally: fewer regions than there was room for is the end.
        let Some(last) = found.last().filter(|_| count == REGIONS) else {
            break;
        };
        at = walk_end.max(last.end);
    }
    Ok(regions)
}

fn ioctl_scan(
    pagemap: &File,
    start: u64,
    end: u64,
    into: &mut [page_region],
) -> Result<(usize, u64)> {
    let scan = Scan {
        arg: pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            flags: 0,
            start,
            end,
            walk_end: 0,
            vec: into.as_mut_ptr() as u64,
            vec_len: into.len() as u64,
            max_pages: 0,
            category_inverted: 0,
            category_mask: 0,
            category_anyof_mask: u64::from(PAGE_IS_PRESENT | PAGE_IS_SWAPPED),
            return_mask: u64::from(PAGE_IS_PRESENT | PAGE_IS_SWAPPED),
        },
    };
    // SAFETY: the opcode is PAGEMAP_SCAN's and the argument is its struct (include/uapi/linux/fs.h).
    // The kernel writes at most `vec_len` regions to `vec`, which is `into`, borrowed until it returns;
    // to a file that is no pagemap it answers ENOTTY.
    unsafe { ioctl(pagemap, scan) }
}

struct Scan {
    arg: pm_scan_arg,
}

// SAFETY: the pointer is to the struct that the opcode was made with, and it is read back only after the
// kernel has filled it.
unsafe impl Ioctl for Scan {
    type Output = (usize, u64);

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<pm_scan_arg>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        (&raw mut self.arg).cast()
    }

    unsafe fn output_from_ptr(
        out: IoctlOutput,
        extract_output: *mut std::ffi::c_void,
    ) -> Result<Self::Output> {
        // SAFETY: it is what `as_ptr` gave.
        let arg = unsafe { &*extract_output.cast::<pm_scan_arg>() };
        Ok((out as usize, arg.walk_end))
    }
}
