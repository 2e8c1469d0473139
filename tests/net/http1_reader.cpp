// SPDX-License-Identifier: Apache-2.0
#include "http1_reader.h"

#include <algorithm>
#include <memory>

#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

constexpr HeadLimits kLimits{1 << 20, Fields::kCapacity, 1 << 20};

// Takes a body off the front of `bytes`; an error text, or nullptr.
const char* read_body(BodyFraming framing, std::uint64_t length, bool ended,
                      std::string_view& bytes, Message& message) {
  switch (framing) {
    case BodyFraming::none:
      message.complete = true;
      return nullptr;
    case BodyFraming::length:
      message.body = bytes.substr(0, length);
      message.complete = bytes.size() >= length;
      bytes.remove_prefix(message.body.size());
      return nullptr;
    case BodyFraming::until_close:
      message.body = bytes;
      message.complete = ended;
      bytes = {};
      return nullptr;
    case BodyFraming::chunked:
      break;
  }
  ChunkDecoder decoder;
  for (;;) {
    const ChunkDecoder::Step step = decoder.next(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.kind == ChunkDecoder::Kind::error) return step.cause;
    message.complete = step.kind == ChunkDecoder::Kind::end;
    if (step.kind != ChunkDecoder::Kind::data || bytes.empty()) return nullptr;
    const std::string_view piece = bytes.substr(0, step.size);
    message.body += piece;
    decoder.advance(piece.size());
    bytes.remove_prefix(piece.size());
  }
}

}  // namespace

Messages read_requests(std::string_view bytes) {
  Messages messages;
  const auto head = std::make_unique<RequestHead>();
  while (!bytes.empty()) {
    const std::size_t end = find_head_end(bytes, 0);
    Message& message = messages.all.emplace_back();
    if (end == kHeadIncomplete) {
      message.head = bytes;
      return messages;
    }
    message.head = bytes.substr(0, end);
    if (const auto error = parse_request_head(message.head, kLimits, *head)) {
      messages.error = error->cause;
      messages.all.pop_back();
      return messages;
    }
    bytes.remove_prefix(end);
    message.meaning = describe(*head);
    message.target = head->target;
    message.keep_alive = head->keep_alive;
    if (const char* error = read_body(head->framing, head->length, false, bytes, message)) {
      messages.error = error;
      return messages;
    }
    if (!message.complete) return messages;
  }
  return messages;
}

Messages read_responses(std::string_view bytes, const std::vector<core::Method>& methods,
                        bool ended) {
  Messages messages;
  std::size_t answered = 0;
  const auto head = std::make_unique<ResponseHead>();
  while (!bytes.empty()) {
    if (answered == methods.size()) {
      messages.error = "more was answered than asked";
      return messages;
    }
    const std::size_t end = find_head_end(bytes, 0);
    Message& message = messages.all.emplace_back();
    if (end == kHeadIncomplete) {
      message.head = bytes;
      return messages;
    }
    message.head = bytes.substr(0, end);
    if (const auto error = parse_response_head(message.head, kLimits, methods[answered], *head)) {
      messages.error = error->cause;
      messages.all.pop_back();
      return messages;
    }
    bytes.remove_prefix(end);
    message.meaning = describe(*head);
    message.status = head->status;
    message.keep_alive = head->keep_alive;
    if (head->is_interim()) {
      message.complete = true;
      continue;
    }
    ++answered;
    if (const char* error = read_body(head->framing, head->length, ended, bytes, message)) {
      messages.error = error;
      return messages;
    }
    if (!message.complete) return messages;
    if (!head->keep_alive && !bytes.empty()) {
      messages.error = "bytes after the last response";
      return messages;
    }
  }
  return messages;
}

}  // namespace evenkeel::net::http1::testing
