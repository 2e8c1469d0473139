// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/prober.h"

#include <algorithm>
#include <array>
#include <utility>

#include "evenkeel/net/context.h"

namespace evenkeel::net {

namespace {

// A health answer's head is small; one that is not is not a health answer.
constexpr std::size_t kMaxAnswerBytes = 16 * 1024;

bool expected(const core::HealthCheckPolicy& policy, unsigned status) {
  return std::any_of(
      policy.expected_statuses.begin(), policy.expected_statuses.end(),
      [status](core::StatusRange range) { return status >= range.first && status <= range.last; });
}

}  // namespace

// One running check: connects, asks, reads the answer's head.
class Prober::Check final : public StreamOwner {
 public:
  Check(Prober& prober, core::CheckId id, std::unique_ptr<Stream> stream)
      : prober_(prober), id_(id), stream_(std::move(stream)) {
    stream_->set_owner(this);
  }
  ~Check() { prober_.context_.buffers.release(answer_); }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  [[nodiscard]] const core::CheckId& id() const { return id_; }
  void end(bool in_order) {
    over_ = true;
    stream_->set_owner(nullptr);
    if (in_order) {
      stream_->close();
    } else {
      stream_->abort();
    }
  }

  void on_ready(core::Instant now) override {
    if (over_) return;
    const Turn turn(prober_.context_, now);
    step(now);
  }

  void step(core::Instant now) {
    if (over_ || stream_->connecting()) return;
    const core::PoolPolicy& pool = prober_.context_.pool_policy(id_.backend.pool);
    if (pool.health_check.type == core::CheckType::tcp) {
      // Writing nothing asks only whether the connect succeeded.
      const bool connected = stream_->try_write({}).io != Io::failed;
      prober_.finish(now, *this,
                     connected ? core::CheckOutcome::passed : core::CheckOutcome::refused);
      return;
    }
    if (ask(now, pool)) listen(now, pool);
  }

 private:
  bool ask(core::Instant now, const core::PoolPolicy& pool) {
    if (request_.empty()) {
      const core::Endpoint& endpoint = pool.backends[index(id_.backend.backend)].endpoint;
      request_ = "GET " + pool.health_check.path + " HTTP/1.1\r\nHost: " + endpoint.authority() +
                 "\r\nUser-Agent: evenkeel-health-check\r\nConnection: close\r\n\r\n";
    }
    while (sent_ < request_.size()) {
      const IoResult written = stream_->try_write(std::span<const char>(request_).subspan(sent_));
      if (written.io == Io::would_block) return true;
      if (written.io != Io::done) {
        prober_.finish(now, *this,
                       sent_ == 0 ? core::CheckOutcome::refused : core::CheckOutcome::reset);
        return false;
      }
      sent_ += written.bytes;
    }
    return true;
  }

  void listen(core::Instant now, const core::PoolPolicy& pool) {
    BufferPool& buffers = prober_.context_.buffers;
    while (!over_) {
      const IoResult read = stream_->try_read(buffers.room(answer_, 1024));
      if (read.io == Io::would_block) return;
      if (read.io != Io::done) {
        prober_.finish(now, *this,
                       sent_ == 0 ? core::CheckOutcome::refused : core::CheckOutcome::reset);
        return;
      }
      buffers.extend(answer_, read.bytes);
      understand(now, pool);
    }
  }

  // Looks for the final head in what has come; interim ones are skipped.
  void understand(core::Instant now, const core::PoolPolicy& pool) {
    http1::ResponseHead& head = prober_.head_;
    for (;;) {
      const std::size_t end = http1::find_head_end(answer_.view(), scanned_);
      scanned_ = answer_.size();
      if (end == http1::kHeadIncomplete) {
        const bool hopeless = answer_.size() > kMaxAnswerBytes ||
                              http1::early_response_error(answer_.view(), {}).has_value();
        if (hopeless) prober_.finish(now, *this, core::CheckOutcome::bad_answer);
        return;
      }
      if (http1::parse_response_head(answer_.view().substr(0, end), {}, core::Method::get, head)) {
        prober_.finish(now, *this, core::CheckOutcome::bad_answer);
        return;
      }
      if (!head.is_interim()) break;
      answer_.consume(end);
      scanned_ = 0;
    }
    prober_.finish(now, *this,
                   expected(pool.health_check, head.status) ? core::CheckOutcome::passed
                                                            : core::CheckOutcome::bad_status);
  }

  Prober& prober_;
  core::CheckId id_;
  std::unique_ptr<Stream> stream_;
  std::string request_;
  std::size_t sent_ = 0;
  Buffer answer_;
  std::size_t scanned_ = 0;  // of answer_, for the head's end
  bool over_ = false;
};

Prober::Prober(Context& context) : context_(context) {
  for (const core::PoolPolicy& pool : context.balancer.config().pools) {
    checks_.emplace_back(pool.backends.size());
  }
}

Prober::~Prober() = default;

void Prober::start(core::Instant now, core::CheckId id) {
  std::unique_ptr<Stream> stream = context_.host.connect(id.backend);
  if (!stream) {
    context_.balancer.on_check_ended(now, id, core::CheckOutcome::local);
    return;
  }
  std::unique_ptr<Check>& place = place_of(id.backend);
  place = std::make_unique<Check>(*this, id, std::move(stream));
  ++running_;
  place->step(now);
}

void Prober::cancel(core::CheckId id) { end(id, false); }

void Prober::end(core::CheckId id, bool in_order) {
  std::unique_ptr<Check>& place = place_of(id.backend);
  if (!place || !(place->id() == id)) return;
  place->end(in_order);
  over_.push_back(std::move(place));
  --running_;
}

void Prober::reap() { over_.clear(); }

void Prober::cancel_all() {
  for (auto& pool : checks_) {
    for (auto& check : pool) {
      if (check) cancel(check->id());
    }
  }
  over_.clear();
}

void Prober::finish(core::Instant now, Check& check, core::CheckOutcome outcome) {
  const core::CheckId id = check.id();
  end(id, true);
  context_.balancer.on_check_ended(now, id, outcome);
}

std::unique_ptr<Prober::Check>& Prober::place_of(core::BackendRef backend) {
  return checks_[index(backend.pool)][index(backend.backend)];
}

}  // namespace evenkeel::net
