// SPDX-License-Identifier: Apache-2.0
//
// Suspects answer much faster than the others, and less: sinkholes, perhaps. Every strategy that
// looks at loads would give such a backend ever more of the traffic, so it is shown to have at
// least the mean load of those it is compared with. These picks are linear in the candidates.
#include <algorithm>

#include "evenkeel/core/fixed_point.h"
#include "evenkeel/core/pool.h"

namespace evenkeel::core {
namespace {

// As after a single answer that took this long.
ResponseStats single_answer(Instant now, Duration latency, const EwmaPolicy& policy) {
  ResponseStats stats;
  stats.on_feedback(now, Feedback{Outcome::success, FailureKind::none, latency}, policy);
  return stats;
}

}  // namespace

void Pool::set_suspect(BackendIndex backend, bool suspect) {
  if (members_[index(backend)].suspect == suspect) return;
  members_[index(backend)].suspect = suspect;
  const auto place = std::lower_bound(suspects_.begin(), suspects_.end(), backend);
  if (suspect) {
    suspects_.insert(place, backend);
  } else {
    suspects_.erase(place);
    note_idle(backend);  // it was taken for busy
  }
}

void Pool::show_mean(const Candidates& candidates) {
  std::uint64_t in_flight = 0;
  std::uint64_t weight = 0;
  for (const BackendIndex backend : candidates.backends) {
    in_flight += candidates.load(backend).in_flight;
    weight += candidates.load(backend).weight;
  }
  for (const BackendIndex suspect : suspects_) {
    Load& load = loads_[index(suspect)];
    const Wide mean = (Wide{in_flight} * load.weight + weight - 1) / weight;
    load.in_flight = std::max(load.in_flight, static_cast<std::uint32_t>(mean));
  }
  if (stats_.empty()) return;
  Duration sum{};  // each is an hour at most
  for (const BackendIndex backend : candidates.backends) {
    sum += response_time(candidates.now, backend);
  }
  const Duration mean = sum / static_cast<Duration::rep>(candidates.backends.size());
  for (const BackendIndex suspect : suspects_) {
    if (response_time(candidates.now, suspect) >= mean) continue;
    stats_[index(suspect)] = single_answer(candidates.now, mean, balance_.ewma);
  }
}

Duration Pool::response_time(Instant now, BackendIndex backend) const {
  const ResponseStats& stats = stats_[index(backend)];
  return balance_.algorithm == Algorithm::score ? stats.latency(now, balance_.ewma)
                                                : stats.cost(now, balance_.ewma);
}

BackendIndex Pool::choose_wary(const Candidates& candidates, Draws& draws) {
  std::vector<Shown>& truth = truth_.items;
  truth.clear();
  for (const BackendIndex suspect : suspects_) {
    const std::size_t i = index(suspect);
    truth.push_back(Shown{loads_[i], stats_.empty() ? ResponseStats{} : stats_[i]});
  }
  show_mean(candidates);
  const BackendIndex backend = core::pick(picker_, candidates, draws);
  for (std::size_t i = 0; i < suspects_.size(); ++i) {
    loads_[index(suspects_[i])] = truth[i].load;
    if (!stats_.empty()) stats_[index(suspects_[i])] = truth[i].stats;
  }
  return backend;
}

}  // namespace evenkeel::core
