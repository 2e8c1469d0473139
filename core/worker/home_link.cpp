// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/home_link.h"

#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::variant<PoolHome, RemoteHome> make_home(PoolIndex pool, const PoolPolicy& policy,
                                             Stream stream, bool local, Instant now) {
  if (local) return PoolHome(pool, policy, stream, now);
  return RemoteHome(pool, policy, now);
}

}  // namespace

HomeLink::HomeLink(PoolIndex pool, const PoolPolicy& policy, Stream stream, WorkerIndex self,
                   std::uint32_t workers, Instant now)
    : self_(self),
      home_worker_(home_of(pool, workers)),
      home_(make_home(pool, policy, stream, home_worker_ == self, now)) {
  if (workers == 1) return;
  share_.emplace(pool, policy, self, workers);
  if (PoolHome* home = local()) {
    office_ = Office{HomeDesk(pool, policy, self, workers, *home, now),
                     LoadBook(pool, policy, self, workers)};
  }
}

void HomeLink::on_deadline(Instant now) {
  if (PoolHome* home = local()) {
    home->on_deadline(now);
  } else {
    remote().on_deadline(now);
  }
  if (share_) share_->on_deadline(now);
  if (office_) office_->book.on_deadline(now);
}

Instant HomeLink::next_deadline() const {
  Instant next = local() != nullptr ? local()->next_deadline() : remote().next_deadline();
  if (share_) next = earlier_of(next, share_->next_deadline());
  if (office_) next = earlier_of(next, office_->book.next_deadline());
  return next;
}

void HomeLink::clear_news(Instant now) {
  if (PoolHome* home = local()) {
    if (office_) office_->desk.publish(now, *home);
    home->clear_news();
  } else {
    remote().clear_news();
  }
  if (share_) share_->clear_news();
}

void HomeLink::on_message(Instant now, WorkerIndex from, const Message& message) {
  const auto at_home = [&](const auto& body) {
    if (office_) office_->desk.on_message(now, from, body, *local());
  };
  const auto in_book = [&](const auto& body) {
    if (office_) office_->book.on_message(now, from, body);
  };
  const auto at_remote = [&](const auto& body) {
    if (local() == nullptr) remote().on_message(now, body);
  };
  const auto in_share = [&](const auto& body) {
    if (share_) share_->on_message(now, body);
  };
  std::visit(Overloaded{
                 [&](const UsageReport& body) { at_home(body); },
                 [&](const SuccessReport& body) { at_home(body); },
                 [&](const FailureReport& body) { at_home(body); },
                 [&](const PermitRequest& body) { at_home(body); },
                 [&](const PermitReturn& body) { at_home(body); },
                 [&](const LoadReport& body) { in_book(body); },
                 [&](const ShareRequest& body) { in_book(body); },
                 [&](const ShareReturn& body) { in_book(body); },
                 [&](const SharesReady& body) { in_book(body); },
                 [&](const Resync& body) { at_home(body); },
                 [&](const VerdictChange& body) { at_remote(body); },
                 [&](const TokenGrant& body) { at_remote(body); },
                 [&](const PermitGrant& body) { at_remote(body); },
                 [&](const LoadSums& body) { in_share(body); },
                 [&](const ShareGrant& body) { in_share(body); },
                 [&](const ShareRecall& body) { in_share(body); },
                 [](const LimitQuery&) {},
                 [](const LimitAnswer&) {},
             },
             message.body);
}

std::optional<Posted> HomeLink::poll_message(Instant now) {
  if (!share_) return std::nullopt;
  if (office_) {
    if (auto posted = office_->desk.poll_message()) return posted;
    return poll_own_share(now);
  }
  if (auto message = remote().poll_message()) return Posted{home_worker_, *message};
  if (auto message = share_->poll_message()) return Posted{home_worker_, *message};
  return std::nullopt;
}

// What the home's own worker and the book have to say to each other never leaves this object. Each
// turn answers one request, and a share asks once until it is answered.
std::optional<Posted> HomeLink::poll_own_share(Instant now) {
  while (true) {
    if (const auto message = share_->poll_message()) {
      on_message(now, self_, *message);
    } else if (auto posted = office_->book.poll_message()) {
      if (posted->to != self_) return posted;
      on_message(now, self_, posted->message);
    } else {
      return std::nullopt;
    }
  }
}

void HomeLink::apply(const PoolPolicy& policy, Instant now) {
  if (PoolHome* home = local()) {
    home->apply(policy, now);
    if (office_) office_->desk.apply(now, policy, *home);
    if (office_) office_->book.apply(now, policy);
  } else {
    remote().apply(policy, now);
  }
  if (share_) share_->apply(policy);
}

}  // namespace evenkeel::core
