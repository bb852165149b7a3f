// What the machine allows: random rows copied and summed with the widest vectors the CPU has, and with the prefetch distance
// and kind of store that the caller finds best. The one measure that no library can talk itself out of.
//
// Built by SimdEmbed.Peers: cc -O3 -shared -fPIC limit.c
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ALWAYS static inline __attribute__((always_inline))

// Floats that one prefetch brings: a cache line.
enum { LINE = 16 };

ALWAYS void prefetch_row(const float *row, long dim) {
    for (long column = 0; column < dim; column += LINE) __builtin_prefetch(row + column);
}

ALWAYS void prefetch_ahead(const float *table, const int32_t *indices, long i, long count, long dim, long distance) {
    if (distance > 0) prefetch_row(table + (long)indices[i + distance < count ? i + distance : count - 1] * dim, dim);
}

// The same three loops for each vector: VEC floats in TYPE.
#define LOOPS(SUFFIX, TARGET, TYPE, VEC, LOAD, STORE, STREAM, ADD, MUL, SET, ZERO)                                                   \
    TARGET static void copy_##SUFFIX(const float *table, const int32_t *indices, long count, long dim, float *out, long distance,     \
                                     int stream) {                                                                                    \
        for (long i = 0; i < count; i++, out += dim) {                                                                                \
            const float *row = table + (long)indices[i] * dim;                                                                        \
            prefetch_ahead(table, indices, i, count, dim, distance);                                                                  \
            if (stream) for (long j = 0; j < dim; j += VEC) STREAM(out + j, LOAD(row + j));                                           \
            else for (long j = 0; j < dim; j += VEC) STORE(out + j, LOAD(row + j));                                                   \
        }                                                                                                                             \
    }                                                                                                                                 \
    TARGET ALWAYS void sum_block_##SUFFIX(const float *table, const int32_t *indices, const float *weights, long start, long end,     \
                                          long count, long dim, float *out, long distance, long column, const int lanes) {            \
        TYPE sum[16];                                                                                                                 \
        for (int k = 0; k < lanes; k++) sum[k] = ZERO;                                                                                \
        for (long i = start; i < end; i++) {                                                                                          \
            const float *row = table + (long)indices[i] * dim + column;                                                               \
            if (column == 0) prefetch_ahead(table, indices, i, count, dim, distance);                                                 \
            if (weights) {                                                                                                            \
                TYPE weight = SET(weights[i]);                                                                                        \
                for (int k = 0; k < lanes; k++) sum[k] = ADD(sum[k], MUL(weight, LOAD(row + k * VEC)));                               \
            } else {                                                                                                                  \
                for (int k = 0; k < lanes; k++) sum[k] = ADD(sum[k], LOAD(row + k * VEC));                                            \
            }                                                                                                                         \
        }                                                                                                                             \
        for (int k = 0; k < lanes; k++) STORE(out + column + k * VEC, sum[k]);                                                        \
    }                                                                                                                                 \
    TARGET static void sum_##SUFFIX(const float *table, const int32_t *indices, const float *weights, const int32_t *offsets,         \
                                    long bags, long dim, float *out, long distance) {                                                 \
        long count = offsets[bags];                                                                                                   \
        for (long bag = 0; bag < bags; bag++, out += dim) {                                                                           \
            long start = offsets[bag], end = offsets[bag + 1], column = 0;                                                            \
            for (; column + 16 * VEC <= dim; column += 16 * VEC)                                                                      \
                sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, column, 16);                       \
            for (; column + 8 * VEC <= dim; column += 8 * VEC)                                                                        \
                sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, column, 8);                        \
            for (; column + 4 * VEC <= dim; column += 4 * VEC)                                                                        \
                sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, column, 4);                        \
            for (; column + VEC <= dim; column += VEC)                                                                                \
                sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, column, 1);                        \
        }                                                                                                                             \
    }                                                                                                                                 \
    TARGET static float read_##SUFFIX(const float *values, long count) {                                                              \
        TYPE sum[8];                                                                                                                  \
        for (int k = 0; k < 8; k++) sum[k] = ZERO;                                                                                    \
        for (long i = 0; i + 8 * VEC <= count; i += 8 * VEC)                                                                          \
            for (int k = 0; k < 8; k++) sum[k] = ADD(sum[k], LOAD(values + i + k * VEC));                                             \
        for (int k = 1; k < 8; k++) sum[0] = ADD(sum[0], sum[k]);                                                                     \
        float lanes[VEC];                                                                                                             \
        STORE(lanes, sum[0]);                                                                                                         \
        return lanes[0];                                                                                                              \
    }

#define PLAIN_LOAD(p) (*(p))
#define PLAIN_STORE(p, v) (*(p) = (v))
#define PLAIN_ADD(a, b) ((a) + (b))
#define PLAIN_MUL(a, b) ((a) * (b))
#define PLAIN_SET(a) (a)
LOOPS(plain, , float, 1, PLAIN_LOAD, PLAIN_STORE, PLAIN_STORE, PLAIN_ADD, PLAIN_MUL, PLAIN_SET, 0.0f)

#if defined(__x86_64__)
LOOPS(avx2, __attribute__((target("avx2"))), __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_stream_ps, _mm256_add_ps,
      _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps())
LOOPS(avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_stream_ps, _mm512_add_ps,
      _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps())
#define WIDTH (__builtin_cpu_supports("avx512f") ? 16 : __builtin_cpu_supports("avx2") ? 8 : 1)
#define FENCE() _mm_sfence()
#define DISPATCH(CALL512, CALL256, CALL1) (vec >= 16 ? (CALL512) : vec >= 8 ? (CALL256) : (CALL1))
#else
#define WIDTH 1
#define FENCE() ((void)0)
#define DISPATCH(CALL512, CALL256, CALL1) (CALL1)
#endif

// Floats of the widest vector this CPU has; 1 stands for what the compiler makes of plain loops.
int limit_width(void) { return WIDTH; }

// Batches that calls take in turn; a power of two.
enum { BATCHES = 8 };

// Each call: out[i] = table[indices[i]]. `vec` divides dim, and out is on a 64-byte line when `stream` is not 0.
void limit_copy(int vec, const float *table, const int32_t *const *batches, long count, long dim, float *out, long distance, int stream,
                long calls) {
    (void)vec;
    for (long call = 0; call < calls; call++) {
        const int32_t *indices = batches[call & (BATCHES - 1)];
        DISPATCH(copy_avx512(table, indices, count, dim, out, distance, stream), copy_avx2(table, indices, count, dim, out, distance, stream),
                 copy_plain(table, indices, count, dim, out, distance, stream));
        if (stream) FENCE();
    }
}

// Each call: out[b] = the sum of bag b's rows, each times its weight unless weights is null; offsets has bags + 1 numbers.
void limit_sum(int vec, const float *table, const int32_t *const *batches, const float *weights, const int32_t *offsets, long bags,
               long dim, float *out, long distance, long calls) {
    (void)vec;
    for (long call = 0; call < calls; call++) {
        const int32_t *indices = batches[call & (BATCHES - 1)];
        DISPATCH(sum_avx512(table, indices, weights, offsets, bags, dim, out, distance),
                 sum_avx2(table, indices, weights, offsets, bags, dim, out, distance),
                 sum_plain(table, indices, weights, offsets, bags, dim, out, distance));
    }
}

// Reads an array from end to end.
float limit_read(int vec, const float *values, long count) {
    (void)vec;
    return DISPATCH(read_avx512(values, count), read_avx2(values, count), read_plain(values, count));
}

// Clears an array, which no dense gradient can do without.
void limit_clear(float *values, long count) { memset(values, 0, (size_t)count * sizeof(float)); }

// Reads a whole file into new memory; 0 or -1.
int limit_load(const char *path, long bytes) {
    int file = open(path, O_RDONLY);
    if (file < 0) return -1;
    char *memory = malloc((size_t)bytes);
    long done = 0;
    while (memory && done < bytes) {
        ssize_t got = read(file, memory + done, (size_t)(bytes - done));
        if (got <= 0) break;
        done += got;
    }
    close(file);
    free(memory);
    return done == bytes ? 0 : -1;
}
