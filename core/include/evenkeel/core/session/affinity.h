// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/session/session_table.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// What a client showed of its session.
struct ShownSession {
  std::optional<SessionKey> key;
  // Where a signature of ours that still holds says `key` lives.
  std::optional<BackendIndex> signed_backend;
  bool signature_ageing = false;  // the signature is past half of its time

  friend bool operator==(const ShownSession&, const ShownSession&) = default;
};

// Where a session lives, as far as it is known at `at`.
struct Whereabouts {
  enum class Kind : std::uint8_t {
    none,     // there is no such session, any more or ever: a new one may begin
    unknown,  // only the store can tell
    found,    // it lives on `backend`
    failed,   // the store does not tell, and nothing else does
  };
  Kind kind = Kind::none;
  BackendIndex backend{};
  bool lost = false;  // found, but the store has lost it: it is to be told again
  Instant at;
  friend bool operator==(const Whereabouts&, const Whereabouts&) = default;
};

// What to do with a request.
enum class Placement : std::uint8_t {
  ask,     // look it up first
  stay,    // to the session's backend; never hedged: two backends would work on one session
  choose,  // as the pool's strategy says, like a request without a session
  reject,  // 503 session_lost
};

// What follows from the response that is about to go out.
struct Binding {
  SessionKey key;
  BackendIndex backend{};
  bool issue = false;      // IssueSession
  bool is_signed = false;  // its cookie says the backend, too
  bool store = false;      // StoreSession
  friend bool operator==(const Binding&, const Binding&) = default;
};

// Whether sessions of a backend go on there. Other than for new requests, draining is no obstacle;
// an open breaker, an ejection or failed checks are.
[[nodiscard]] constexpr bool keeps_sessions(Standing standing) {
  return standing == Standing::eligible || standing == Standing::draining;
}

// Keeps the clients of one pool on their backends.
//
//   find() --unknown--> look it up --> on_answer() or on_failure()
//     |                                       |
//     +--------------> place() <--------------+
//                        |
//            stay, choose or reject; when a response goes out: commit()
//
// - A session stays while its backend may serve. When it may not, the request goes elsewhere and,
//   if that answers, the session lives there from then on under its old name.
// - A name that nobody knows is never adopted: the client gets a new one. So every name known is
//   random and ours.
// - A remote store has the last word. A signature, which every name carries when `fallback` is on,
//   and an old cache entry speak only when the store does not answer or has lost the session. The
//   signature goes first: all replicas see the same one.
// - A failed lookup that nothing replaces binds nothing: the session is still where it was when the
//   store is back.
class Affinity {
 public:
  // How long a cached entry counts before the store is asked again: what another replica decided is
  // heard of, and the store learns that the session is in use. The store must therefore keep an
  // entry for ttl + freshness(ttl) since it was last asked for or told.
  [[nodiscard]] static constexpr Duration freshness(Duration ttl) { return ttl / 8; }

  Affinity(const SessionPolicy& session, const RedisPolicy& redis, std::size_t backends);
  // Sessions stay, as far as the new bounds have room for them.
  void apply(const SessionPolicy& session, const RedisPolicy& redis, std::size_t backends);
  // Another backend, or none, is at this place from now on.
  void forget(BackendIndex backend) { table_.forget(backend); }

  // What can be said without the store.
  [[nodiscard]] Whereabouts find(Instant now, const ShownSession& shown);
  // The store's answer to a lookup; nullopt: it has no such session.
  [[nodiscard]] Whereabouts on_answer(Instant now, const ShownSession& shown,
                                      std::optional<BackendIndex> backend);
  // It did not answer in time, answered with an error, or was not asked (StoreGate).
  [[nodiscard]] Whereabouts on_failure(Instant now, const ShownSession& shown);

  // `may_serve`: keeps_sessions() of the session's backend, and it is below its limits.
  [[nodiscard]] Placement place(const Whereabouts& where, bool may_serve) const;
  // Whether a request that stayed may be retried elsewhere.
  [[nodiscard]] bool may_leave() const { return !session_.strict; }

  // `backend` answered and its response goes out. `entropy` names the session if a new one begins.
  Binding commit(Instant now, const ShownSession& shown, const Whereabouts& where,
                 SessionKey entropy, BackendIndex backend);

  // Sessions held here; see SessionTable::size().
  [[nodiscard]] std::size_t size() const { return table_.size(); }

  friend bool operator==(const Affinity&, const Affinity&) = default;

 private:
  [[nodiscard]] bool remote() const { return session_.store == SessionStoreKind::redis; }
  // The memory store never fails, so nothing needs to stand in for it.
  [[nodiscard]] bool signs() const {
    return remote() && session_.fallback == SessionFallback::signed_cookie;
  }
  [[nodiscard]] std::optional<BackendIndex> signature(const ShownSession& shown) const;
  [[nodiscard]] std::optional<BackendIndex> remembered(Instant now, const ShownSession& shown);
  [[nodiscard]] bool put_long_ago(Instant now, SessionKey key);
  Binding keep(Instant now, const ShownSession& shown, const Whereabouts& where,
               BackendIndex backend);

  SessionPolicy session_;
  bool fail_open_;
  std::size_t backends_;
  SessionTable table_;  // the store itself, or the cache in front of the remote one
};

}  // namespace evenkeel::core
