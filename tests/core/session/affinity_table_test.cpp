// SPDX-License-Identifier: Apache-2.0
//
// Every combination of policy, of what a client shows, of what this replica remembers, of what the
// store says and of where the request ends up, against the rules as a table would say them.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <ostream>

#include "core/at.h"
#include "evenkeel/core/session/affinity.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBackends = 4;
constexpr SessionKey kKey{11, 12};
constexpr SessionKey kEntropy{21, 22};
// Each source says something else, so that it shows whose word counted.
constexpr BackendIndex kCached{0};
constexpr BackendIndex kSigned{1};
constexpr BackendIndex kStored{2};
constexpr BackendIndex kElsewhere{3};

enum class Cache : std::uint8_t { empty, fresh, old };
enum class Cookie : std::uint8_t { none, plain, signed_as_cached, signed_otherwise };
enum class Store : std::uint8_t { found, missing, unknown_backend, failed };

struct Case {
  bool remote = false;
  bool fallback = false;
  bool strict = false;
  bool fail_open = false;
  Cookie cookie{};
  bool ageing = false;
  Cache cache{};
  Store store{};
  bool may_serve = false;
};

std::ostream& operator<<(std::ostream& os, const Case& c) {
  return os << "remote " << c.remote << " fallback " << c.fallback << " strict " << c.strict
            << " fail_open " << c.fail_open << " cookie " << static_cast<int>(c.cookie)
            << " ageing " << c.ageing << " cache " << static_cast<int>(c.cache) << " store "
            << static_cast<int>(c.store) << " may_serve " << c.may_serve;
}

template <typename Visit>
void for_each_case(Visit visit) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const Cookie cookie :
         {Cookie::none, Cookie::plain, Cookie::signed_as_cached, Cookie::signed_otherwise}) {
      for (const Cache cache : {Cache::empty, Cache::fresh, Cache::old}) {
        for (const Store store :
             {Store::found, Store::missing, Store::unknown_backend, Store::failed}) {
          const auto bit = [&](unsigned place) { return (bits >> place & 1U) != 0; };
          visit(Case{bit(0), bit(1), bit(2), bit(3), cookie, bit(4), cache, store, bit(5)});
        }
      }
    }
  }
}

constexpr Duration kTtl = 1h;
constexpr Instant kNow = at(kTtl / 2);

Affinity affinity_of(const Case& c) {
  SessionPolicy session;
  session.mode = SessionMode::cookie;
  session.ttl = kTtl;
  session.store = c.remote ? SessionStoreKind::redis : SessionStoreKind::memory;
  session.fallback = c.fallback ? SessionFallback::signed_cookie : SessionFallback::off;
  session.strict = c.strict;
  RedisPolicy redis;
  redis.fail_open = c.fail_open;
  Affinity affinity(session, redis, kBackends);
  if (c.cache != Cache::empty) {
    const Instant then = c.cache == Cache::fresh ? kNow - 1s : at(0s);
    static_cast<void>(affinity.commit(then, {}, affinity.find(then, {}), kKey, kCached));
  }
  return affinity;
}

ShownSession shown_by(const Case& c) {
  ShownSession shown;
  if (c.cookie != Cookie::none) shown.key = kKey;
  if (c.cookie == Cookie::signed_as_cached) shown.signed_backend = kCached;
  if (c.cookie == Cookie::signed_otherwise) shown.signed_backend = kSigned;
  shown.signature_ageing = c.ageing && shown.signed_backend.has_value();
  return shown;
}

// ---- the rules
// ------------------------------------------------------------------------------------

// A signature means something only where one is issued.
std::optional<BackendIndex> signature(const Case& c) {
  return c.remote && c.fallback ? shown_by(c).signed_backend : std::nullopt;
}
std::optional<BackendIndex> cached(const Case& c) {
  return c.cache == Cache::empty ? std::nullopt : std::optional(kCached);
}
bool asks_store(const Case& c) {
  if (!c.remote || c.cookie == Cookie::none) return false;
  const bool contradicted = signature(c) && signature(c) != cached(c);
  return c.cache != Cache::fresh || contradicted;
}
std::optional<BackendIndex> lives_on(const Case& c) {
  if (c.cookie == Cookie::none) return std::nullopt;
  if (!asks_store(c)) return cached(c);
  if (c.store == Store::found) return kStored;
  return signature(c) ? signature(c) : cached(c);
}
bool nobody_tells(const Case& c) {
  return asks_store(c) && c.store == Store::failed && !lives_on(c);
}
Placement placement(const Case& c) {
  if (nobody_tells(c)) return c.fail_open && !c.strict ? Placement::choose : Placement::reject;
  if (!lives_on(c)) return Placement::choose;
  if (c.may_serve) return Placement::stay;
  return c.strict ? Placement::reject : Placement::choose;
}
Binding binding(const Case& c, BackendIndex answered) {
  if (nobody_tells(c)) return {};
  const bool signs = c.remote && c.fallback;
  if (!lives_on(c)) return {kEntropy, answered, true, signs, c.remote};
  const bool stale_cookie = signature(c) != answered || shown_by(c).signature_ageing;
  const bool lost =
      asks_store(c) && (c.store == Store::missing || c.store == Store::unknown_backend);
  const bool moved = answered != *lives_on(c);
  // Put half a ttl ago: its cookie would end before the session.
  const bool ageing = !c.remote && c.cache == Cache::old;
  return {kKey, answered, (signs && stale_cookie) || ageing, signs && stale_cookie,
          c.remote && (moved || lost)};
}

Whereabouts look(Affinity& affinity, const Case& c) {
  const ShownSession shown = shown_by(c);
  const Whereabouts where = affinity.find(kNow, shown);
  if (where.kind != Whereabouts::Kind::unknown) return where;
  EXPECT_EQ(affinity.place(where, c.may_serve), Placement::ask) << c;
  switch (c.store) {
    case Store::found:
      return affinity.on_answer(kNow, shown, kStored);
    case Store::missing:
      return affinity.on_answer(kNow, shown, std::nullopt);
    case Store::unknown_backend:
      return affinity.on_answer(kNow, shown, BackendIndex{kBackends});
    case Store::failed:
      return affinity.on_failure(kNow, shown);
  }
  return where;
}

TEST(AffinityTable, TheStoreIsAskedWhenNothingHereCanBeTrusted) {
  for_each_case([](const Case& c) {
    Affinity affinity = affinity_of(c);
    const bool asks = affinity.find(kNow, shown_by(c)).kind == Whereabouts::Kind::unknown;
    ASSERT_EQ(asks, asks_store(c)) << c;
  });
}

TEST(AffinityTable, EveryRequestIsPlacedByTheRules) {
  for_each_case([](const Case& c) {
    Affinity affinity = affinity_of(c);
    const Whereabouts where = look(affinity, c);
    ASSERT_EQ(affinity.place(where, c.may_serve), placement(c)) << c;
    if (placement(c) == Placement::stay) {
      ASSERT_EQ(where.backend, *lives_on(c)) << c;
    }
  });
}

TEST(AffinityTable, EveryAnswerBindsByTheRules) {
  for_each_case([](const Case& c) {
    if (placement(c) == Placement::reject) return;
    for (const BackendIndex answered : {kCached, kSigned, kStored, kElsewhere}) {
      Affinity affinity = affinity_of(c);
      const Whereabouts where = look(affinity, c);
      ASSERT_EQ(affinity.commit(kNow, shown_by(c), where, kEntropy, answered), binding(c, answered))
          << c << " answered by " << index(answered);
    }
  });
}

// What a client is told and what this replica remembers agree from then on.
TEST(AffinityTable, TheNextRequestFindsItsSessionWithoutTheStore) {
  for_each_case([](const Case& c) {
    if (placement(c) == Placement::reject || nobody_tells(c)) return;
    Affinity affinity = affinity_of(c);
    const Whereabouts where = look(affinity, c);
    const Binding bound = affinity.commit(kNow, shown_by(c), where, kEntropy, kElsewhere);
    ShownSession next = shown_by(c);
    if (bound.issue) next = {bound.key, std::nullopt, false};
    if (bound.is_signed) next.signed_backend = bound.backend;
    const Whereabouts found = affinity.find(kNow, next);
    ASSERT_EQ(found.kind, Whereabouts::Kind::found) << c;
    ASSERT_EQ(found.backend, kElsewhere) << c;
  });
}

}  // namespace
}  // namespace evenkeel::core
