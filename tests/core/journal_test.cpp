// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/at.h"
#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string digest_of(const std::vector<Entry>& entries) {
  Journal journal(JournalMode::digest);
  for (const Entry& entry : entries) {
    journal.record(entry.at, entry.kind, entry.subject, entry.detail);
  }
  return to_text(journal.digest());
}

Entry entry(Duration since_zero, EntryKind kind, std::uint64_t subject, std::uint32_t detail) {
  return Entry{at(since_zero), subject, detail, kind};
}

TEST(Journal, ModesDifferOnlyInWhatTheyRemember) {
  Journal off(JournalMode::off);
  Journal digest(JournalMode::digest);
  Journal keep(JournalMode::keep);
  for (Journal* journal : {&off, &digest, &keep}) {
    journal->record(at(1s), EntryKind::request, 16, 7);
    journal->record(at(2s), EntryKind::finished, 16, 200);
  }
  EXPECT_EQ(off.count(), 0U);
  EXPECT_EQ(off.digest(), Digest{});
  EXPECT_EQ(digest.count(), 2U);
  EXPECT_EQ(digest.digest(), keep.digest());
  EXPECT_THAT(digest.recent(), IsEmpty());
  EXPECT_THAT(keep.recent(), ElementsAre(entry(1s, EntryKind::request, 16, 7),
                                         entry(2s, EntryKind::finished, 16, 200)));
}

TEST(Journal, KeepsTheLastEntriesOldestFirst) {
  Journal journal(JournalMode::keep);
  const std::uint64_t recorded = Journal::kKept + 100;
  for (std::uint64_t i = 0; i < recorded; ++i) {
    journal.record(at(Duration(i)), EntryKind::request, i);
  }
  const std::vector<Entry> recent = journal.recent();
  ASSERT_EQ(recent.size(), Journal::kKept);
  EXPECT_EQ(recent.front().subject, recorded - Journal::kKept);
  EXPECT_EQ(recent.back().subject, recorded - 1);
  EXPECT_TRUE(std::is_sorted(recent.begin(), recent.end(),
                             [](const Entry& a, const Entry& b) { return a.subject < b.subject; }));
  EXPECT_EQ(journal.entry(recorded - 1), recent.back());
}

TEST(Journal, ADigestIsOfTheHistoryInItsOrder) {
  const Entry a = entry(1s, EntryKind::request, 16, 7);
  const Entry b = entry(1s, EntryKind::request, 32, 7);
  EXPECT_EQ(digest_of({a, b}), digest_of({a, b}));
  EXPECT_NE(digest_of({a, b}), digest_of({b, a}));
  EXPECT_NE(digest_of({a}), digest_of({a, a}));
  EXPECT_NE(digest_of({}), digest_of({a}));
}

// Whichever single bit of an entry changes, the digest does, and never to the digest of another
// one.
TEST(Journal, EveryBitOfAnEntryCounts) {
  const Entry base = entry(1234567890123ns, EntryKind::deadline, 481 * 16 + 2, 3);
  std::set<std::string> digests = {digest_of({base})};
  std::size_t entries = 1;
  const auto add = [&](const Entry& changed) {
    digests.insert(digest_of({changed}));
    ++entries;
  };
  for (unsigned bit = 0; bit < 59; ++bit) {
    Entry changed = base;
    changed.at = at(Duration(base.at.time_since_epoch().count() ^ (std::int64_t{1} << bit)));
    add(changed);
  }
  for (unsigned bit = 0; bit < 42; ++bit) {
    Entry changed = base;
    changed.subject ^= std::uint64_t{1} << bit;
    add(changed);
  }
  for (unsigned bit = 0; bit < 20; ++bit) {
    Entry changed = base;
    changed.detail ^= 1U << bit;
    add(changed);
  }
  for (unsigned kind = 0; kind <= static_cast<unsigned>(EntryKind::transition); ++kind) {
    Entry changed = base;
    changed.kind = static_cast<EntryKind>(kind);
    if (changed.kind != base.kind) add(changed);
  }
  EXPECT_EQ(digests.size(), entries);
}

// Neighbours in two fields at once must not cancel out: the next attempt of a request, another
// kind, a moment later.
TEST(Journal, NeighboursHaveDigestsOfTheirOwn) {
  std::set<std::string> digests;
  std::size_t entries = 0;
  for (unsigned kind = 0; kind <= static_cast<unsigned>(EntryKind::transition); ++kind) {
    for (std::uint64_t subject = 16; subject < 48; ++subject) {
      for (std::uint32_t detail = 0; detail < 4; ++detail) {
        for (const Duration time : {0ns, 1ns, 1048576ns, 2097152ns, 50331648ns}) {
          digests.insert(digest_of({entry(time, static_cast<EntryKind>(kind), subject, detail)}));
          ++entries;
        }
      }
    }
  }
  EXPECT_EQ(digests.size(), entries);
}

TEST(Journal, EntriesReadAsSentences) {
  EXPECT_EQ(to_text(entry(12s + 3456789ns, EntryKind::start_attempt, 481 * 16 + 2, 3)),
            "12.003456789s start_attempt 481/2 3");
  EXPECT_EQ(to_text(entry(5ns, EntryKind::check_ended, (std::uint64_t{2} << 32U) + 7, 1)),
            "0.000000005s check_ended 2/7 1");
  EXPECT_EQ(to_text(entry(1s, EntryKind::health_deadline, std::uint64_t{2} << 32U, 0)),
            "1.000000000s health_deadline 2/0 0");
}

TEST(Journal, EveryKindHasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (unsigned kind = 0; kind <= static_cast<unsigned>(EntryKind::transition); ++kind) {
    words.insert(to_text(static_cast<EntryKind>(kind)));
  }
  EXPECT_EQ(words.size(), static_cast<unsigned>(EntryKind::transition) + 1);
}

TEST(Journal, ADigestIsThirtyTwoDigits) {
  Digest digest;
  digest.low = 0x0123456789abcdefULL;
  digest.high = 0xfedcba9876543210ULL;
  EXPECT_EQ(to_text(digest), "fedcba98765432100123456789abcdef");
}

// ---- of a balancer ------------------------------------------------------------------------------

std::vector<std::string> story(const TestBalancer& world) {
  std::vector<std::string> lines;
  for (const Entry& entry : world.balancer().journal().recent()) lines.push_back(to_text(entry));
  return lines;
}

TEST(BalancerJournal, TellsTheStoryOfARequest) {
  Config config = plain_config(2);
  config.pools[0].outlier_detection.enabled = true;
  config.pools[0].outlier_detection.consecutive_failures = 1;
  TestBalancer world(config, {.journal = JournalMode::keep});
  const RequestId r = world.request();
  world.sent(r, 0);
  world.pass(5ms);
  world.head(r, 0, 502);
  world.head(r, 1, 200);
  world.end(r, 1);
  (void)world.finish(r);
  // A transition's detail is kind · 2^17 + reason · 2^12 + from · 2^8 + to.
  const auto ejection = (static_cast<unsigned>(TransitionKind::ejection) << 17U) +
                        (static_cast<unsigned>(TransitionReason::consecutive_failures) << 12U) + 1;
  EXPECT_THAT(
      story(world),
      ElementsAre("0.000000000s request 0/0 0", "0.000000000s start_attempt 0/0 0",
                  "0.000000000s attempt_sent 0/0 0", "0.005000000s response_head 0/0 502",
                  "0.005000000s transition 0/0 " + std::to_string(ejection),
                  "0.005000000s cancel_attempt 0/0 0", "0.005000000s start_attempt 0/1 1",
                  "0.005000000s response_head 0/1 200", "0.005000000s send_response 0/1 200",
                  "0.005000000s response_end 0/1 0", "0.005000000s finished 0/0 200"));
}

// A deadline of a pool's health is not one of a request's.
TEST(BalancerJournal, TellsDeadlinesOfHealthFromThoseOfRequests) {
  Config config = plain_config(1);
  config.pools[0].health_check.type = CheckType::http;
  TestBalancer world(config, {.journal = JournalMode::keep});
  world.fire_next();
  ASSERT_EQ(story(world).size(), 2U);
  EXPECT_NE(story(world)[0].find("health_deadline 0/0"), std::string::npos);
  EXPECT_NE(story(world)[1].find("start_check 0/0"), std::string::npos);
}

// Every input that decides is in the digest, also that a request cannot be sent again.
TEST(BalancerJournal, WhetherARequestIsReplayableIsPartOfTheHistory) {
  TestBalancer replayable(plain_config(1), {.journal = JournalMode::digest});
  TestBalancer single(plain_config(1), {.journal = JournalMode::digest});
  (void)replayable.request(Method::get, true);
  (void)single.request(Method::get, false);
  EXPECT_NE(replayable.balancer().journal().digest(), single.balancer().journal().digest());
}

}  // namespace
}  // namespace evenkeel::core
