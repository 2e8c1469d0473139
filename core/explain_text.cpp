// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include "evenkeel/core/check.h"
#include "evenkeel/core/explain.h"
#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {
namespace {

using Row = std::vector<std::string>;

// "12.345" for 12345.
std::string decimal(std::uint64_t thousandths) {
  std::string fraction = std::to_string(1000 + thousandths % 1000);
  fraction.front() = '.';
  return std::to_string(thousandths / 1000) + fraction;
}

std::string decimal(std::int64_t thousandths) {
  if (thousandths >= 0) return decimal(static_cast<std::uint64_t>(thousandths));
  return "-" + decimal(std::uint64_t{0} - static_cast<std::uint64_t>(thousandths));
}

// Parts of kWholeLoad.
std::string percent(std::uint32_t share) {
  return decimal(std::uint64_t{share} * 100'000 / kWholeLoad) + " %";
}

std::string fraction(std::uint64_t bits) {
  const auto millionths = static_cast<std::uint64_t>((Wide{bits} * 1'000'000) >> 64U);
  return "0." + std::to_string(1'000'000 + millionths).substr(1);
}

std::string chosen(const Explanation& explanation) {
  switch (explanation.pick.result) {
    case Pick::Result::picked: {
      const auto& backend = explanation.backends[index(explanation.pick.backend)];
      return backend.id + (explanation.pick.panic ? " in panic" : "");
    }
    case Pick::Result::saturated:
      return "saturated";
    case Pick::Result::nobody:
      return "nobody";
  }
  EVENKEEL_CHECK(!"a known result");
}

Row row_of(const BackendExplanation& line, bool picked) {
  Row row{picked ? ">" : "", line.id, std::string(to_text(line.candidacy)),
          std::string(to_text(line.standing)) + (line.suspect ? " suspect" : "")};
  row.push_back(std::to_string(line.priority));
  row.emplace_back(line.local ? "local" : "elsewhere");
  row.push_back(std::to_string(line.in_flight));
  row.push_back(line.limit == 0 ? "-" : std::to_string(line.limit));
  row.push_back(decimal(line.weight_thousandths));
  row.push_back(line.cost ? std::to_string(line.cost->count()) + "ns" : "-");
  row.push_back(line.score ? decimal(*line.score) : "-");
  row.push_back(line.cap ? std::to_string(*line.cap) : "-");
  return row;
}

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string_view to_text(Candidacy candidacy) {
  switch (candidacy) {
    case Candidacy::candidate:
      return "candidate";
    case Candidacy::weightless:
      return "weightless";
    case Candidacy::zone_only:
      return "zone_only";
    case Candidacy::standing:
      return "standing";
    case Candidacy::tried:
      return "tried";
    case Candidacy::full:
      return "full";
    case Candidacy::other_level:
      return "other_level";
    case Candidacy::other_zone:
      return "other_zone";
  }
  EVENKEEL_CHECK(!"a known candidacy");
}

std::string_view to_text(Algorithm algorithm) {
  constexpr std::array<std::string_view, 12> kNames = {"round_robin", "weighted_round_robin",
                                                       "least_conn",  "least_request",
                                                       "random",      "peak_ewma",
                                                       "score",       "join_idle_queue",
                                                       "ring_hash",   "maglev",
                                                       "rendezvous",  "first"};
  const auto position = static_cast<std::size_t>(algorithm);
  EVENKEEL_CHECK(position < kNames.size());
  return kNames[position];
}

std::string to_text(const Explanation& explanation) {
  std::string text = std::string(to_text(explanation.algorithm)) + ": " + chosen(explanation);
  text += "\ndraws:";
  for (const std::uint64_t draw : explanation.draws) text += " " + fraction(draw);
  for (const LevelExplanation& level : explanation.levels) {
    text += "\nlevel " + std::to_string(level.priority) + ": " +
            std::to_string(level.health.healthy) + " of " + std::to_string(level.health.total) +
            " healthy, takes " + percent(level.share.load);
    if (level.zoned) text += ", of it " + percent(level.local_share) + " local";
    if (level.share.panic) text += ", panic";
  }
  text += "\n";
  std::vector<Row> rows{{"", "backend", "candidacy", "standing", "priority", "zone", "in flight",
                         "limit", "weight", "cost", "score", "cap"}};
  for (const BackendExplanation& line : explanation.backends) {
    const bool picked =
        explanation.pick.result == Pick::Result::picked && explanation.pick.backend == line.backend;
    rows.push_back(row_of(line, picked));
  }
  return text + aligned(rows);
}

}  // namespace evenkeel::core
