// What the machine allows: random rows copied and summed with the widest vectors the CPU has, and with the prefetch distance
// and kind of store that the caller finds best. The one measure that no library can talk itself out of.
//
// Built by SimdEmbed.Peers: cc -O3 -shared -fPIC limit.c
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FENCE() _mm_sfence()
#else
#define FENCE() ((void)0)
#endif

#define ALWAYS static inline __attribute__((always_inline))

// Floats that one prefetch brings, a cache line; and the batches that calls take in turn, a power of two.
enum { LINE = 16, BATCHES = 8 };

ALWAYS void prefetch_row(const float *row, long dim) {
    for (long column = 0; column < dim; column += LINE) __builtin_prefetch(row + column);
}

ALWAYS void prefetch_ahead(const float *table, const int32_t *indices, long i, long count, long dim, long distance) {
    if (distance > 0) prefetch_row(table + (long)indices[i + distance < count ? i + distance : count - 1] * dim, dim);
}

// A row's width known to the compiler lets it keep no loop over columns.
#define FOR_DIM(CALL)          \
    switch (dim) {             \
    case 16: CALL(16); break;  \
    case 64: CALL(64); break;  \
    case 128: CALL(128); break; \
    default: CALL(dim);        \
    }

// The same loops for each vector: VEC floats in TYPE. No branch in the loop over rows depends on anything but its count.
#define LOOPS(SUFFIX, TARGET, TYPE, VEC, LOAD, STORE, STREAM, ADD, MUL, SET, ZERO)                                                        \
    TARGET ALWAYS void copy_rows_##SUFFIX(const float *table, const int32_t *indices, long count, const long dim, float *out,             \
                                          long distance, const int ahead, const int stream) {                                             \
        for (long i = 0; i < count; i++, out += dim) {                                                                                    \
            const float *row = table + (long)indices[i] * dim;                                                                            \
            if (ahead) prefetch_ahead(table, indices, i, count, dim, distance);                                                           \
            if (stream) for (long j = 0; j < dim; j += VEC) STREAM(out + j, LOAD(row + j));                                               \
            else for (long j = 0; j < dim; j += VEC) STORE(out + j, LOAD(row + j));                                                       \
        }                                                                                                                                 \
    }                                                                                                                                     \
    TARGET ALWAYS void copy_calls_##SUFFIX(const float *table, const int32_t *const *batches, long count, const long dim, float *out,     \
                                           long distance, int stream, long calls) {                                                       \
        for (long call = 0; call < calls; call++) {                                                                                       \
            const int32_t *indices = batches[call & (BATCHES - 1)];                                                                       \
            if (distance > 0 && stream) copy_rows_##SUFFIX(table, indices, count, dim, out, distance, 1, 1);                              \
            else if (distance > 0) copy_rows_##SUFFIX(table, indices, count, dim, out, distance, 1, 0);                                   \
            else if (stream) copy_rows_##SUFFIX(table, indices, count, dim, out, 0, 0, 1);                                                \
            else copy_rows_##SUFFIX(table, indices, count, dim, out, 0, 0, 0);                                                            \
            if (stream) FENCE();                                                                                                          \
        }                                                                                                                                 \
    }                                                                                                                                     \
    TARGET static void copy_##SUFFIX(const float *table, const int32_t *const *batches, long count, long dim, float *out, long distance,  \
                                     int stream, long calls) {                                                                            \
        FOR_DIM(COPY_##SUFFIX)                                                                                                            \
    }                                                                                                                                     \
    TARGET ALWAYS void sum_block_##SUFFIX(const float *table, const int32_t *indices, const float *weights, long start, long end,         \
                                          long count, const long dim, float *out, long distance, const int ahead, long column,            \
                                          const int lanes) {                                                                              \
        TYPE sum[16];                                                                                                                     \
        for (int k = 0; k < lanes; k++) sum[k] = ZERO;                                                                                    \
        for (long i = start; i < end; i++) {                                                                                              \
            const float *row = table + (long)indices[i] * dim + column;                                                                   \
            if (ahead) prefetch_ahead(table, indices, i, count, dim, distance);                                                           \
            if (weights) {                                                                                                                \
                TYPE weight = SET(weights[i]);                                                                                            \
                for (int k = 0; k < lanes; k++) sum[k] = ADD(sum[k], MUL(weight, LOAD(row + k * VEC)));                                   \
            } else {                                                                                                                      \
                for (int k = 0; k < lanes; k++) sum[k] = ADD(sum[k], LOAD(row + k * VEC));                                                \
            }                                                                                                                             \
        }                                                                                                                                 \
        for (int k = 0; k < lanes; k++) STORE(out + column + k * VEC, sum[k]);                                                            \
    }                                                                                                                                     \
    TARGET ALWAYS void sum_bag_##SUFFIX(const float *table, const int32_t *indices, const float *weights, long start, long end,           \
                                        long count, const long dim, float *out, long distance, const int ahead) {                         \
        long column = 0;                                                                                                                  \
        for (; column + 16 * VEC <= dim; column += 16 * VEC)                                                                              \
            sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, ahead && column == 0, column, 16);         \
        for (; column + 8 * VEC <= dim; column += 8 * VEC)                                                                                \
            sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, ahead && column == 0, column, 8);          \
        for (; column + 4 * VEC <= dim; column += 4 * VEC)                                                                                \
            sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, ahead && column == 0, column, 4);          \
        for (; column + VEC <= dim; column += VEC)                                                                                        \
            sum_block_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, ahead && column == 0, column, 1);          \
    }                                                                                                                                     \
    TARGET ALWAYS void sum_calls_##SUFFIX(const float *table, const int32_t *const *batches, const float *weights,                        \
                                          const int32_t *offsets, long bags, const long dim, float *output, long distance, long calls) {  \
        for (long call = 0; call < calls; call++) {                                                                                       \
            const int32_t *indices = batches[call & (BATCHES - 1)];                                                                       \
            float *out = output;                                                                                                          \
            for (long bag = 0; bag < bags; bag++, out += dim) {                                                                           \
                long start = offsets[bag], end = offsets[bag + 1], count = offsets[bags];                                                 \
                if (weights && distance > 0) sum_bag_##SUFFIX(table, indices, weights, start, end, count, dim, out, distance, 1);         \
                else if (weights) sum_bag_##SUFFIX(table, indices, weights, start, end, count, dim, out, 0, 0);                           \
                else if (distance > 0) sum_bag_##SUFFIX(table, indices, 0, start, end, count, dim, out, distance, 1);                     \
                else sum_bag_##SUFFIX(table, indices, 0, start, end, count, dim, out, 0, 0);                                              \
            }                                                                                                                             \
        }                                                                                                                                 \
    }                                                                                                                                     \
    TARGET static void sum_##SUFFIX(const float *table, const int32_t *const *batches, const float *weights, const int32_t *offsets,      \
                                    long bags, long dim, float *output, long distance, long calls) {                                      \
        FOR_DIM(SUM_##SUFFIX)                                                                                                             \
    }                                                                                                                                     \
    TARGET static float read_##SUFFIX(const float *values, long count) {                                                                  \
        TYPE sum[8];                                                                                                                      \
        for (int k = 0; k < 8; k++) sum[k] = ZERO;                                                                                        \
        for (long i = 0; i + 8 * VEC <= count; i += 8 * VEC)                                                                              \
            for (int k = 0; k < 8; k++) sum[k] = ADD(sum[k], LOAD(values + i + k * VEC));                                                 \
        for (int k = 1; k < 8; k++) sum[0] = ADD(sum[0], sum[k]);                                                                         \
        float lanes[VEC];                                                                                                                 \
        STORE(lanes, sum[0]);                                                                                                             \
        return lanes[0];                                                                                                                  \
    }

#define COPY_plain(DIM) copy_calls_plain(table, batches, count, DIM, out, distance, stream, calls)
#define SUM_plain(DIM) sum_calls_plain(table, batches, weights, offsets, bags, DIM, output, distance, calls)
#define COPY_avx2(DIM) copy_calls_avx2(table, batches, count, DIM, out, distance, stream, calls)
#define SUM_avx2(DIM) sum_calls_avx2(table, batches, weights, offsets, bags, DIM, output, distance, calls)
#define COPY_avx512(DIM) copy_calls_avx512(table, batches, count, DIM, out, distance, stream, calls)
#define SUM_avx512(DIM) sum_calls_avx512(table, batches, weights, offsets, bags, DIM, output, distance, calls)

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
#define DISPATCH(CALL512, CALL256, CALL1) (vec >= 16 ? (CALL512) : vec >= 8 ? (CALL256) : (CALL1))
#else
#define WIDTH 1
#define DISPATCH(CALL512, CALL256, CALL1) (CALL1)
#endif

// Floats of the widest vector this CPU has; 1 stands for what the compiler makes of plain loops.
int limit_width(void) { return WIDTH; }

// Each call: out[i] = table[indices[i]]. `vec` divides dim, and out is on a 64-byte line when `stream` is not 0.
void limit_copy(int vec, const float *table, const int32_t *const *batches, long count, long dim, float *out, long distance, int stream,
                long calls) {
    (void)vec;
    DISPATCH(copy_avx512(table, batches, count, dim, out, distance, stream, calls),
             copy_avx2(table, batches, count, dim, out, distance, stream, calls),
             copy_plain(table, batches, count, dim, out, distance, stream, calls));
}

// Each call: out[b] = the sum of bag b's rows, each times its weight unless weights is null; offsets has bags + 1 numbers.
void limit_sum(int vec, const float *table, const int32_t *const *batches, const float *weights, const int32_t *offsets, long bags,
               long dim, float *out, long distance, long calls) {
    (void)vec;
    DISPATCH(sum_avx512(table, batches, weights, offsets, bags, dim, out, distance, calls),
             sum_avx2(table, batches, weights, offsets, bags, dim, out, distance, calls),
             sum_plain(table, batches, weights, offsets, bags, dim, out, distance, calls));
}

// Reads an array from end to end.
float limit_read(int vec, const float *values, long count) {
    (void)vec;
    return DISPATCH(read_avx512(values, count), read_avx2(values, count), read_plain(values, count));
}

// Clears an array, which no dense gradient can do without.
void limit_clear(float *values, long count) { memset(values, 0, (size_t)count * sizeof(float)); }

// Reads a whole file into memory that has been written to before; 0 or -1.
int limit_load(const char *path, char *memory, long bytes) {
    int file = open(path, O_RDONLY);
    if (file < 0) return -1;
    long done = 0;
    while (done < bytes) {
        ssize_t got = read(file, memory + done, (size_t)(bytes - done));
        if (got <= 0) break;
        done += got;
    }
    close(file);
    return done == bytes ? 0 : -1;
}
