"""The C header of a compiled module (C99, and C++11 as it is)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jinja2

from hlo_tools.aot.signature import PortInfo, Signature

_TEMPLATE = """\
/* {{ symbol }}.h: the module {{ module }}, compiled by hlo-tools {{ version }} for {{ target }}. Generated, do not edit.
 *
{% for line in contract %}
 * {{ line }}
{% endfor %}
 */
#ifndef {{ macro }}_H_INCLUDED
#define {{ macro }}_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HLO_RT_DEFINED
#define HLO_RT_DEFINED
struct hlo_comm;
/* What the caller may lend to a run. Any function may be NULL. */
struct hlo_rt {
  uint32_t struct_size; /* sizeof(struct hlo_rt) */
  void *ctx;            /* passed to the functions below */
  /* Runs body(arg, begin, end) on disjoint ranges that cover 0 .. n, on any threads, and waits. NULL: one thread. */
  void (*parallel_for)(void *ctx, int64_t n, void (*body)(void *arg, int64_t begin, int64_t end), void *arg);
  /* Runs a custom call: operands, then results. Returns 0 when it succeeded. */
  int (*custom_call)(void *ctx, const char *target, void **buffers, const char *opaque, size_t opaque_len);
  const struct hlo_comm *comm; /* reserved for modules that communicate */
  void *stream;                /* GPU: the CUstream to run on, NULL for the default stream */
};
#endif

#define {{ macro }}_ABI_VERSION 1
#define {{ macro }}_NUM_ARGS {{ arguments | length }}
#define {{ macro }}_NUM_RESULTS {{ results | length }}
#define {{ macro }}_SCRATCH_BYTES {{ scratch_bytes }}u
#define {{ macro }}_SCRATCH_ALIGN {{ scratch_align }}u

{% for port in arguments %}
/* {{ port.describe }} */
#define {{ macro }}_ARG{{ loop.index0 }}_BYTES {{ port.bytes }}u
#define {{ macro }}_{{ port.macro }}_BYTES {{ port.bytes }}u
{% endfor %}
{% for port in results %}
/* {{ port.describe }} */
#define {{ macro }}_RESULT{{ loop.index0 }}_BYTES {{ port.bytes }}u
#define {{ macro }}_{{ port.macro }}_BYTES {{ port.bytes }}u
{% endfor %}

{% for code, name, text in errors %}
#define {{ macro }}_{{ name }} {{ code }} /* {{ text }} */
{% endfor %}

typedef struct {{ symbol }}_args {
  uint32_t struct_size;    /* sizeof({{ symbol }}_args) */
  const void *const *args; /* {{ macro }}_NUM_ARGS pointers */
  void *const *results;    /* {{ macro }}_NUM_RESULTS pointers */
  const void *weights;     /* reserved, NULL */
  void *scratch;           /* {{ macro }}_SCRATCH_BYTES bytes, {{ macro }}_SCRATCH_ALIGN aligned; contents do not matter */
  size_t scratch_bytes;
  const struct hlo_rt *rt; /* NULL: one thread, no custom calls */
} {{ symbol }}_args;

/* Runs the module. Returns {{ macro }}_OK or an error code. Reentrant: it keeps no state{{ state }}. */
int {{ symbol }}_run(const {{ symbol }}_args *a);
/* What an error code means. */
const char *{{ symbol }}_strerror(int code);
/* Whether the processor that this runs on has all that the code needs. */
int {{ symbol }}_cpu_supported(void);
/* Versions, target and digest of the module. */
const char *{{ symbol }}_build_info(void);

/* The same with typed pointers. */
static inline int {{ symbol }}({{ parameters }}) {
{% if arguments %}
  const void *args[{{ arguments | length }}];
{% endif %}
{% if results %}
  void *results[{{ results | length }}];
{% endif %}
  {{ symbol }}_args a;
{% for port in arguments %}
  args[{{ loop.index0 }}] = {{ port.name }};
{% endfor %}
{% for port in results %}
  results[{{ loop.index0 }}] = {{ port.name }};
{% endfor %}
  a.struct_size = (uint32_t)sizeof a;
  a.args = {{ "args" if arguments else "NULL" }};
  a.results = {{ "results" if results else "NULL" }};
  a.weights = NULL;
  a.scratch = scratch;
  a.scratch_bytes = {{ macro }}_SCRATCH_BYTES;
  a.rt = NULL;
  return {{ symbol }}_run(&a);
}

#ifdef __cplusplus
}
#endif

#endif /* {{ macro }}_H_INCLUDED */
"""

_HOST_CONTRACT = (
    "The caller owns all memory. Arguments and results are dense arrays in the order given below; a result never",
    "overlaps an argument or another result. Nothing is allocated, printed or kept between calls.",
)
_DEVICE_CONTRACT = (
    "The caller owns all memory; arguments, results and scratch are device pointers to dense arrays in the order given",
    "below. Kernels are queued on rt->stream; wait for it before reading the results. The driver is found at run time.",
)


def render(
    symbol: str,
    module: str,
    version: str,
    target: str,
    ports: Signature,
    scratch: tuple[int, int],
    errors: Mapping[int, tuple[str, str]],
    device: bool = False,
) -> str:
    """The text of the header.

    scratch  bytes and alignment; errors  name and meaning by code; device  whether pointers are a GPU's.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = environment.from_string(_TEMPLATE).render(
        symbol=symbol,
        macro=symbol.upper(),
        module=_comment(module),
        version=version,
        target=_comment(target),
        contract=_DEVICE_CONTRACT if device else _HOST_CONTRACT,
        arguments=[_port(p, "argument") for p in ports.arguments],
        results=[_port(p, "result") for p in ports.results],
        parameters=_parameters(ports),
        scratch_bytes=scratch[0],
        scratch_align=scratch[1],
        errors=[(code, name, text) for code, (name, text) in sorted(errors.items())],
        state=" but the loaded code, once for each device" if device else "",
    )
    return text


def _port(port: PortInfo, what: str) -> dict[str, object]:
    order = port.shape.order
    layout = (
        "" if list(order) == sorted(order) else f", dimensions from slowest to fastest: {', '.join(map(str, order))}"
    )
    small = (
        f", the bits of {port.shape.element}" if port.c_type.startswith("uint") and port.shape.element.is_float else ""
    )
    pairs = ", real and imaginary parts in turn" if port.shape.element.is_complex else ""
    return {
        "name": port.name,
        "macro": port.name.upper(),
        "bytes": port.shape.bytes,
        "describe": f"{what} {port.name}: {port.shape.bare}, {port.elements} x {port.c_type}{small}{pairs}{layout}",
    }


def _parameters(ports: Signature) -> str:
    inputs: Sequence[str] = [f"const {p.c_type} *{p.name}" for p in ports.arguments]
    outputs: Sequence[str] = [f"{p.c_type} *{p.name}" for p in ports.results]
    return ", ".join([*inputs, *outputs, "void *scratch"])


def _comment(text: str) -> str:
    """Text that cannot end the comment it stands in."""
    return text.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ").replace("\\", "/")
