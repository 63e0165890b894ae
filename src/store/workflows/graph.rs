//! The graph of a workflow, for those who draw it.

use std::collections::HashMap;

use super::read::WorkflowJob;

/// Returns which of these jobs waits for which: the place of the parent, and that of the job that waits. The callback of a batch
/// waits for each other job.
///
/// ```no_run
/// # fn main() -> Result<(), mainspring::StoreError> {
/// # let conn = &mut mainspring::database::connect("postgres://localhost/app")?;
/// use mainspring::workflows;
///
/// let jobs = workflows::jobs(conn, 17, None)?;
/// for (parent, child) in workflows::edges(&jobs) {
///     println!("{} -> {}", jobs[parent].id, jobs[child].id);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn edges(jobs: &[WorkflowJob]) -> Vec<(usize, usize)> {
    let places: HashMap<i64, usize> = jobs.iter().enumerate().map(|(place, job)| (job.id, place)).collect();
    let own = jobs.iter().enumerate().flat_map(|(child, job)| {
        job.parents.iter().filter_map(|id| places.get(id)).map(move |&parent| (parent, child))
    });
    let callback = jobs.iter().position(|job| job.is_callback);
    let of_callback = callback.into_iter().flat_map(|callback| {
        (0..jobs.len()).filter(move |&place| place != callback).map(move |place| (place, callback))
    });
    own.chain(of_callback).collect()
}

/// Returns for each of these jobs how many are on the longest way to it, which is 0 for one that waits for none of them. A drawing
/// has a column for each number.
#[must_use]
pub fn depths(jobs: &[WorkflowJob]) -> Vec<usize> {
    let mut children = vec![Vec::new(); jobs.len()];
    let mut open = vec![0_usize; jobs.len()];
    for (parent, child) in edges(jobs) {
        children[parent].push(child);
        open[child] += 1;
    }
    let mut depths = vec![0; jobs.len()];
    // No call stores a circle among its own jobs.
    let mut free: Vec<usize> = (0..jobs.len()).filter(|&place| open[place] == 0).collect();
    while let Some(parent) = free.pop() {
        for &child in &children[parent] {
            depths[child] = depths[child].max(depths[parent] + 1);
            open[child] -= 1;
            if open[child] == 0 {
                free.push(child);
            }
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: i64, parents: &[i64]) -> WorkflowJob {
        WorkflowJob {
            id,
            name: None,
            task: None,
            state: None,
            attempts: None,
            is_callback: false,
            parents: parents.to_vec(),
            signals: Vec::new(),
        }
    }

    #[test]
    fn a_job_is_behind_the_longest_way_to_it_and_a_callback_behind_all() {
        // 9 is not among them.
        let mut jobs = vec![job(1, &[]), job(2, &[1]), job(3, &[2, 1, 9]), job(4, &[])];
        assert_eq!(edges(&jobs), [(0, 1), (1, 2), (0, 2)]);
        assert_eq!(depths(&jobs), [0, 1, 2, 0]);
        jobs[3].is_callback = true;
        assert_eq!(edges(&jobs)[3..], [(0, 3), (1, 3), (2, 3)]);
        assert_eq!(depths(&jobs), [0, 1, 2, 3]);
        assert_eq!((edges(&[]), depths(&[])), (Vec::new(), Vec::new()));
    }
}
