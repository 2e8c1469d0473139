// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/explain.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {
namespace {

constexpr std::uint64_t kThousandths = 1000;

std::int64_t clamped(Wide value) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMost));
}

// What the strategy compares, in thousandths of the unscaled.
struct ScoreOf {
  const Candidates& candidates;
  const BalancePolicy& policy;
  std::uint32_t scale;
  BackendIndex backend;

  std::optional<std::int64_t> operator()(const PeakEwma& picker) const {
    return of_rank(picker, 0);
  }
  // The success rate in its denominator has 16 fractional bits.
  std::optional<std::int64_t> operator()(const Score& picker) const { return of_rank(picker, 16); }
  std::optional<std::int64_t> operator()(const LeastConnections& /*picker*/) const {
    return by_load();
  }
  std::optional<std::int64_t> operator()(const LeastRequest& /*picker*/) const {
    if (policy.active_request_bias == Decimal{0}) return std::nullopt;
    return by_load();  // whatever the bias: more in flight is worse
  }
  std::optional<std::int64_t> operator()(const SmoothWeightedRoundRobin& picker) const {
    const std::int64_t weight = candidates.load(backend).weight;
    return (picker.balance(backend) + weight) * static_cast<std::int64_t>(kThousandths / scale);
  }
  template <typename Other>
  std::optional<std::int64_t> operator()(const Other& /*picker*/) const {
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::int64_t by_load() const {
    const Load& load = candidates.load(backend);
    return clamped(Wide{load.in_flight + std::uint64_t{1}} * kThousandths * scale / load.weight);
  }
  template <typename Strategy>
  [[nodiscard]] std::int64_t of_rank(const Strategy& picker, unsigned denominator_bits) const {
    const Rank rank = picker.rank(candidates, backend);
    if (rank.avoided) return std::numeric_limits<std::int64_t>::max();
    return clamped((rank.numerator << denominator_bits) * scale / rank.denominator * kThousandths);
  }
};

// ceil(factor / 100 * (total in flight + 1) * weight / total weight), as LoadBound has it.
std::uint64_t cap_of(const Candidates& candidates, std::uint32_t factor, BackendIndex backend) {
  Wide weight = 0;
  Wide in_flight = 0;
  for (const BackendIndex candidate : candidates.backends) {
    weight += candidates.load(candidate).weight;
    in_flight += candidates.load(candidate).in_flight;
  }
  const Wide share = Wide{factor} * (in_flight + 1) * candidates.load(backend).weight;
  return static_cast<std::uint64_t>((share + 100 * weight - 1) / (100 * weight));
}

}  // namespace

Candidacy Pool::candidacy(BackendIndex backend, const PickRequest& request,
                          const Roster::Selection& selection) const {
  const Roster::Backend& about = roster_.backend(backend);
  const auto listed = [backend](std::span<const BackendIndex> list) {
    return std::find(list.begin(), list.end(), backend) != list.end();
  };
  if (listed(selection.backends)) return Candidacy::candidate;
  if (about.place == Roster::Place::weightless) return Candidacy::weightless;
  if (about.place == Roster::Place::other_zone) return Candidacy::zone_only;
  const bool stands = roster_.share(about.level).panic ? counts(about.standing)
                                                       : about.standing == Standing::eligible;
  if (!stands) return Candidacy::standing;
  if (listed(request.tried)) return Candidacy::tried;
  if (about.full) return Candidacy::full;
  return about.level == selection.level ? Candidacy::other_zone : Candidacy::other_level;
}

Explanation Pool::explain(const PickRequest& request) const {
  Pool copy = *this;
  if (!copy.starters_.empty()) copy.warm_up(request.now);
  Draws draws = request.draws;
  const Roster::Selection selection = copy.roster_.shortlist(request.tried, draws);
  const Candidates candidates = copy.candidates_of(request, selection);

  // As the strategy is shown them.
  Pool shown = copy;
  if (!suspects_.empty() && !selection.backends.empty()) shown.show_mean(candidates);
  Candidates compared = shown.candidates_of(request, selection);
  compared.backends = candidates.backends;

  Explanation explanation;
  explanation.algorithm = balance_.algorithm;
  explanation.hash = request.hash;
  explanation.level = selection.level;
  for (std::size_t i = 0; i < roster_.levels().size(); ++i) {
    const Roster::Level& level = roster_.levels()[i];
    explanation.levels.push_back(LevelExplanation{
        level.priority, roster_.health(i), roster_.share(i), level.zoned, level.local_share});
  }
  for (std::uint32_t i = 0; i < size(); ++i) {
    const BackendIndex backend{i};
    const Roster::Backend& about = roster_.backend(backend);
    BackendExplanation line;
    line.backend = backend;
    line.id = members_[i].id;
    line.candidacy = copy.candidacy(backend, request, selection);
    line.standing = about.standing;
    if (about.level < roster_.levels().size()) {
      line.priority = roster_.levels()[about.level].priority;
    }
    line.local = about.local;
    line.suspect = members_[i].suspect;
    line.in_flight = loads_[i].in_flight;
    line.limit = copy.limits_[i] == kNoLimit ? 0 : copy.limits_[i];
    line.weight_thousandths = copy.loads_[i].weight * (kThousandths / weight_scale());
    if (!stats_.empty()) line.cost = shown.response_time(request.now, backend);
    if (line.candidacy == Candidacy::candidate && !selection.panic) {
      line.score = std::visit(ScoreOf{compared, balance_, weight_scale(), backend}, shown.picker_);
      if (uses_hash(balance_.algorithm) && balance_.hash.balance_factor != 0) {
        line.cap = cap_of(compared, balance_.hash.balance_factor, backend);
      }
    }
    explanation.backends.push_back(std::move(line));
  }
  explanation.pick = copy.choose(request, selection, draws);
  for (std::uint64_t i = 0; i < draws.used(); ++i) explanation.draws.push_back(draws.bits(i));
  return explanation;
}

}  // namespace evenkeel::core
