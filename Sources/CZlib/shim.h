#pragma once
#include <zlib.h>

/// `deflateInit2` is a macro: it hands over the version and the size that the caller was compiled with.
///
/// Negative window bits ask for bare deflate data without a header.
static inline int czlib_deflate_init_raw(z_stream *_Nonnull stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
}
