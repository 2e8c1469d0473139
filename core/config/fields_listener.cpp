// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: listeners. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, CertificatePolicy& p) {
  v.scalar({"cert_file", "The certificate with its chain, PEM.", "", true},
           text(p.cert_file, 1, 4096));
  v.scalar({"key_file", "Its private key, PEM.", "", true}, text(p.key_file, 1, 4096));
}

static void visit_tls(FieldVisitor& v, ListenerPolicy& p) {
  v.sections(
      {"certificates", "Offered to clients; without any the listener speaks plain HTTP.", ""},
      elements(p.certificates, 0, kMaxListeners,
               [](FieldVisitor& inner, CertificatePolicy& certificate) {
                 visit_fields(inner, certificate);
               }));
}

void visit_fields(FieldVisitor& v, ListenerTimeouts& p) {
  v.scalar(
      {"request_header",
       "From a request's first byte to the end of its head; dribbling does not extend it.", ""},
      duration(p.request_header, kShort, 1h));
  v.scalar({"body_idle", "The longest a body may stand still, in either direction.", ""},
           duration(p.body_idle, kShort, kDay));
  v.scalar({"keepalive", "The longest wait for the next request of a connection.", ""},
           duration(p.keepalive, kShort, kDay));
}

void visit_fields(FieldVisitor& v, ListenerLimits& p) {
  v.scalar({"max_header_bytes", "A request's head; above it 431 is answered.", ""},
           bytes(p.max_header_bytes, 1024, kMiB));
  v.scalar({"max_headers", "Header fields of a request; above it 431 is answered.", "fields"},
           integer(p.max_headers, 1, 100));
  v.scalar({"max_body_bytes",
            "A request's body; above it 413 is answered. 0: no limit, as bodies stream.", ""},
           bytes(p.max_body_bytes, 0, 1024 * 1024 * kMiB));
  v.scalar({"max_uri_bytes", "The request target; above it 414 is answered.", ""},
           bytes(p.max_uri_bytes, 64, kMiB));
  v.scalar({"max_buffered_bytes",
            "Held for a connection, in each direction, while its other side is slower.", ""},
           bytes(p.max_buffered_bytes, 4096, 16 * kMiB));
}

void visit_fields(FieldVisitor& v, ListenerPolicy& p) {
  v.scalar({"name", "What logs call it; its address when absent.", ""}, name(p.name));
  v.scalar({"address", "Literal address and port to listen on; port 0 lets the system choose.", "",
            true},
           listen_address(p.address));
  v.section({"tls", "Terminates TLS.", ""},
            Section{[&p](FieldVisitor& inner) { visit_tls(inner, p); },
                    [&p] { p.certificates.clear(); },
                    {}});
  v.scalar(
      {"max_connections", "Clients connected at once; more are closed at once.", "connections"},
      integer(p.max_connections, 1, kMany));
  v.section({"timeouts", "How long a client may take.", ""}, section(p.timeouts));
  v.section({"limits", "How much a client may send.", ""}, section(p.limits));
}

}  // namespace evenkeel::core
