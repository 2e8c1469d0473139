// SPDX-License-Identifier: Apache-2.0
//
// `world:`: backends, the pools they fill, and the network.
#include <algorithm>
#include <map>
#include <utility>

#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

using core::DocumentNode;
using Kind = core::DocumentNode::Kind;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""us;

constexpr std::uint64_t kMaxBackends = 100'000;

// A backend and what its pool is told about it.
struct ReadBackend {
  BackendModel model;
  std::string pool;  // empty: the only one
  std::uint32_t weight = 1;
  core::Position where;
};

ServiceModel read_service(const DocumentNode& node, const std::string& path,
                          core::ErrorSink& errors) {
  ServiceModel service;
  core::MapReader reader(node, path, errors);
  reader.optional("distribution", core::choice(service.distribution,
                                               {{"exponential", Distribution::exponential},
                                                {"deterministic", Distribution::deterministic}}));
  reader.required("mean", core::duration(service.mean, 1ns, 1h));
  reader.finish();
  return service;
}

void read_queue_limit(core::MapReader& reader, std::uint32_t& limit) {
  const DocumentNode* node = reader.take("queue_limit");
  if (node == nullptr || (node->kind == Kind::scalar && node->scalar == "unbounded")) return;
  core::read_scalar(*node, reader.path("queue_limit"), core::integer(limit, 0, kUnbounded - 1),
                    reader.errors());
}

// One entry of world.backends: one backend, or `count` of them called name-1 … name-count.
void read_backend(const DocumentNode& node, const std::string& path, core::ErrorSink& errors,
                  std::vector<ReadBackend>& backends) {
  core::MapReader reader(node, path, errors);
  ReadBackend read;
  read.where = node.where;
  BackendModel& model = read.model;
  std::uint32_t count = 0;
  double speed = 1;
  reader.required("name", core::name(model.name));
  reader.optional("count", core::integer(count, 1, kMaxBackends));
  reader.optional("pool", core::name(read.pool));
  reader.optional("weight", core::integer(read.weight, 0, 65535));
  reader.optional("workers", core::integer(model.workers, 1, 1'000'000));
  read_queue_limit(reader, model.queue_limit);
  reader.optional("discipline", core::constant("fifo"));
  reader.optional("cancel", core::flag(model.cancel));
  if (reader.optional("speed", core::number(speed, 0.000001, 1'000'000))) {
    model.speed = Millionths{to_millionths(speed)};
  }
  if (const DocumentNode* service = reader.take_required("service")) {
    model.service = read_service(*service, reader.path("service"), errors);
  }
  reader.finish();

  if (backends.size() + std::max(count, 1U) > kMaxBackends) {
    reader.fail("count", "expected at most " + std::to_string(kMaxBackends) + " backends in all");
    return;
  }
  if (count == 0) {
    backends.push_back(std::move(read));
    return;
  }
  const std::string name = model.name;
  for (std::uint32_t i = 1; i <= count; ++i) {
    read.model.name = name + "-" + std::to_string(i);
    backends.push_back(read);
  }
}

DocumentNode scalar_node(std::string text, const core::Position& where) {
  DocumentNode node;
  node.kind = Kind::scalar;
  node.scalar = std::move(text);
  node.where = where;
  return node;
}

// The backend as the proxy's configuration writes it. Its address only has to be distinct: nobody
// listens there.
DocumentNode proxy_backend(const ReadBackend& backend, std::size_t number) {
  const std::string url = "http://10." + std::to_string(number >> 16U) + "." +
                          std::to_string(number >> 8U & 255U) + "." + std::to_string(number & 255U);
  DocumentNode node;
  node.kind = Kind::map;
  node.where = backend.where;
  DocumentNode id = scalar_node(backend.model.name, backend.where);
  id.quoted = true;  // a name of digits is a name
  node.members.push_back({"id", backend.where, std::move(id)});
  node.members.push_back({"url", backend.where, scalar_node(url, backend.where)});
  node.members.push_back(
      {"weight", backend.where, scalar_node(std::to_string(backend.weight), backend.where)});
  return node;
}

// Replaces the backends of every pool by the world's.
void fill_pools(DocumentNode& proxy, std::vector<ReadBackend>& backends, core::ErrorSink& errors) {
  DocumentNode* pools = proxy.find("pools");
  if (pools == nullptr || pools->kind != Kind::sequence)
    return;  // the configuration loader reports
  std::map<std::string, std::uint32_t> index_of;
  for (std::uint32_t i = 0; i < pools->items.size(); ++i) {
    DocumentNode& pool = pools->items[i];
    if (pool.kind != Kind::map) return;
    std::erase_if(pool.members, [](const auto& member) { return member.key == "backends"; });
    const DocumentNode* name = pool.find("name");
    if (name != nullptr) index_of.emplace(name->scalar, i);
  }
  std::vector<DocumentNode> lists(pools->items.size());
  for (std::size_t i = 0; i < backends.size(); ++i) {
    ReadBackend& backend = backends[i];
    std::uint32_t pool = 0;
    if (!backend.pool.empty()) {
      const auto found = index_of.find(backend.pool);
      if (found == index_of.end()) {
        errors.add(backend.where, "world.backends",
                   "there is no pool \"" + backend.pool + "\" in the proxy's configuration");
        continue;
      }
      pool = found->second;
    } else if (lists.size() != 1) {
      errors.add(backend.where, "world.backends",
                 "`pool` is required: the proxy's configuration has " +
                     std::to_string(lists.size()) + " pools");
      return;
    }
    backend.model.ref = {core::PoolIndex{pool},
                         core::BackendIndex{static_cast<std::uint32_t>(lists[pool].items.size())}};
    lists[pool].items.push_back(proxy_backend(backend, i));
  }
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (lists[i].items.empty()) continue;  // "is required", says the configuration loader
    lists[i].kind = Kind::sequence;
    lists[i].where = pools->items[i].where;
    pools->items[i].members.push_back({"backends", lists[i].where, std::move(lists[i])});
  }
}

LinkModel read_link(const DocumentNode& node, const std::string& path, core::ErrorSink& errors) {
  LinkModel link;
  core::MapReader reader(node, path, errors);
  reader.optional("latency", core::duration(link.latency, 0ns, 1h));
  if (reader.optional("jitter", core::duration(link.jitter, 0ns, 1h)) &&
      link.jitter > link.latency) {
    reader.fail("jitter", "must not be more than the latency: nothing arrives before it was sent");
  }
  reader.finish();
  return link;
}

// A link that is not written is a client 1 ms away, or a backend in the same data centre.
NetworkModel read_network(const DocumentNode* node, const std::string& path,
                          core::ErrorSink& errors) {
  NetworkModel network{{1000us, 0us}, {250us, 50us}};
  if (node == nullptr) return network;
  core::MapReader reader(*node, path, errors);
  if (const DocumentNode* client = reader.take("client")) {
    network.client = read_link(*client, reader.path("client"), errors);
  }
  if (const DocumentNode* backend = reader.take("backend")) {
    network.backend = read_link(*backend, reader.path("backend"), errors);
  }
  reader.finish();
  return network;
}

void refuse_equal_names(const std::vector<ReadBackend>& backends, core::ErrorSink& errors) {
  std::map<std::string, const ReadBackend*> seen;
  for (const ReadBackend& backend : backends) {
    if (seen.emplace(backend.model.name, &backend).second) continue;
    errors.add(backend.where, "world.backends",
               "another backend is called \"" + backend.model.name + "\" too");
  }
}

}  // namespace

std::uint64_t to_millionths(double value) {
  return nearest(value * 1e6);  // exact for up to six decimals
}

WorldModel read_world(const DocumentNode& node, DocumentNode& proxy, core::ErrorSink& errors) {
  WorldModel world;
  core::MapReader reader(node, "world", errors);
  std::vector<ReadBackend> backends;
  const auto items = reader.take_items("backends", 1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    read_backend(items[i], reader.path("backends", i), errors, backends);
  }
  world.network = read_network(reader.take("network"), reader.path("network"), errors);
  reader.finish();
  refuse_equal_names(backends, errors);
  fill_pools(proxy, backends, errors);
  for (ReadBackend& backend : backends) world.backends.push_back(std::move(backend.model));
  return world;
}

}  // namespace evenkeel::sim
