// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/tls/closing_streams.h"

#include <algorithm>
#include <utility>

namespace evenkeel::net {

ClosingStreams::~ClosingStreams() {
  while (!entries_.empty()) remove(entries_.size() - 1);
}

void ClosingStreams::add(std::unique_ptr<Stream> transport, Buffer rest) {
  if (entries_.size() >= kMax) remove(0);
  auto entry = std::make_unique<Entry>();
  entry->list = this;
  entry->transport = std::move(transport);
  entry->rest = std::move(rest);
  entry->transport->set_owner(entry.get());
  entries_.push_back(std::move(entry));
}

void ClosingStreams::Entry::on_ready(core::Instant) {
  ClosingStreams& all = *list;
  if (!all.advance(*this)) return;
  const auto position = std::find_if(all.entries_.begin(), all.entries_.end(),
                                     [this](const auto& entry) { return entry.get() == this; });
  all.remove(static_cast<std::size_t>(position - all.entries_.begin()));
}

bool ClosingStreams::advance(Entry& entry) {
  while (!entry.rest.empty()) {
    const IoResult written = entry.transport->try_write(entry.rest.span());
    if (written.io == Io::failed) return true;
    if (written.io == Io::would_block) return false;
    entry.rest.consume(written.bytes);
  }
  entry.transport->close();
  return true;
}

void ClosingStreams::on_tick(core::Instant now) {
  for (const auto& entry : entries_) entry->since = std::min(entry->since, now);
  while (!entries_.empty() && core::later(entries_.front()->since, kPatience) <= now) remove(0);
}

void ClosingStreams::remove(std::size_t position) {
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(position);
  buffers_.release((*at)->rest);
  entries_.erase(at);
}

}  // namespace evenkeel::net
