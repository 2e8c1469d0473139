// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/message.h"

#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

// Every message is written down once, as words and numbers in order: as text for people, as a hash
// for digests.
class Text {
 public:
  explicit Text(PoolIndex pool) : pool_(index(pool)) {}
  Text& word(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
    return *this;
  }
  Text& number(std::uint64_t number) { return word(std::to_string(number)); }
  Text& backend(BackendIndex backend) {
    return word(std::to_string(pool_) + "/" + std::to_string(index(backend)));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::uint32_t pool_;
  std::string text_;
};

class Hash {
 public:
  explicit Hash(PoolIndex pool) : hash_(index(pool)) {}
  Hash& word(std::string_view word) { return number(hash_name(word)); }
  Hash& number(std::uint64_t number) {
    hash_ = mix(hash_ + 0x9e3779b97f4a7c15ULL) ^ mix(number);
    return *this;
  }
  Hash& backend(BackendIndex backend) { return number(index(backend)); }
  [[nodiscard]] std::uint64_t take() const { return hash_; }

 private:
  std::uint64_t hash_;
};

template <typename Out>
void time(Out& out, Duration length) {
  out.number(static_cast<std::uint64_t>(length.count()));
}

template <typename Out>
void ticket(Out& out, CircuitBreaker::Ticket ticket) {
  out.word(ticket.probe ? "probe" : "ticket").number(ticket.generation).number(ticket.lease);
}

template <typename Out>
void feedback(Out& out, const Feedback& feedback) {
  out.word(feedback.outcome == Outcome::success   ? "success"
           : feedback.outcome == Outcome::failure ? "failure"
                                                  : "neutral");
  out.number(static_cast<std::uint64_t>(feedback.failure));
  time(out, feedback.latency);
  time(out, feedback.retry_after);
  out.number(feedback.body_bytes);
}

template <typename Out>
void loads(Out& out, const LoadReport& report) {
  for (std::uint32_t i = 0; i < report.count; ++i) {
    out.backend(report.loads[i].backend).number(report.loads[i].in_flight);
  }
}

template <typename Out>
struct Write {
  Out& out;  // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members): lives for one call

  void operator()(const UsageReport& m) const {
    out.word("usage").number(m.requests).number(m.retries).number(m.hedges);
  }
  void operator()(const SuccessReport& m) const {
    out.word("succeeded").backend(m.backend);
    ticket(out, m.ticket);
    m.successes.for_each([this](const Feedback& mean, std::uint32_t count) {
      out.number(count);
      time(out, mean.latency);
      out.number(mean.body_bytes);
    });
  }
  void operator()(const FailureReport& m) const {
    out.word("failed").backend(m.backend);
    ticket(out, m.ticket);
    out.number(m.count);
    feedback(out, m.last);
  }
  void operator()(const PermitRequest& m) const { out.word("ask_permit").backend(m.backend); }
  void operator()(const PermitReturn& m) const {
    out.word("return_permit").backend(m.backend);
    ticket(out, m.ticket);
    feedback(out, m.feedback);
  }
  void operator()(const LoadReport& m) const {
    out.word("load");
    loads(out, m);
  }
  void operator()(const ShareRequest& m) const {
    out.word("ask_share").number(index(m.slot)).number(m.wanted);
  }
  void operator()(const ShareReturn& m) const {
    out.word("return_share").number(index(m.slot)).number(m.count);
  }
  void operator()(const SharesReady& m) const { out.word("shares_ready").number(m.generation); }
  void operator()(const Resync& /*m*/) const { out.word("resync"); }
  void operator()(const VerdictChange& m) const {
    out.word("verdict").backend(m.backend).word(to_text(m.standing));
    out.word(m.suspect ? "suspect" : "trusted").word(to_text(m.breaker));
    ticket(out, m.ticket);
  }
  void operator()(const TokenGrant& m) const {
    out.word("grant_tokens").number(m.retries).number(m.hedges);
    time(out, m.until.time_since_epoch());
  }
  void operator()(const PermitGrant& m) const {
    out.word("grant_permit").backend(m.backend);
    ticket(out, m.ticket);
    time(out, m.until.time_since_epoch());
  }
  void operator()(const LoadSums& m) const {
    out.word("others");
    loads(out, m.loads);
  }
  void operator()(const ShareGrant& m) const {
    out.word("grant_share").number(index(m.slot)).number(m.count);
  }
  void operator()(const ShareRecall& m) const {
    out.word("recall_share").number(index(m.slot)).number(m.count);
  }
  void operator()(const LimitQuery& m) const {
    out.word("may_pass").number(m.request.slot).number(m.request.generation);
    out.number(index(m.route)).number(m.key);
  }
  void operator()(const LimitAnswer& m) const {
    out.word("pass_after").number(m.request.slot).number(m.request.generation);
    time(out, m.wait);
  }
};

}  // namespace

std::string to_text(const Message& message) {
  Text text(message.pool);
  std::visit(Write<Text>{text}, message.body);
  return text.take();
}

std::uint64_t fingerprint(const Message& message) {
  Hash hash(message.pool);
  std::visit(Write<Hash>{hash}, message.body);
  return hash.take();
}

}  // namespace evenkeel::core
