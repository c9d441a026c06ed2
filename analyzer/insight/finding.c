#include "insight/finding.h"

#include <string.h>

#include "alloctrap/loglin.h"
#include "insight/finding_cause.h"

struct kind_texts {
    const char *advice;
    const char *example;
};

static const char *const names[] = {
#define FINDING_ROW(id, name, detector, speaks, line) name,
    FINDING_TABLE(FINDING_ROW)
#undef FINDING_ROW
};

static const char *const lines[] = {
#define FINDING_ROW(id, name, detector, speaks, line) line,
    FINDING_TABLE(FINDING_ROW)
#undef FINDING_ROW
};

static const struct kind_texts texts[FINDING_KINDS] = {
    [FINDING_ZEROED] =
        {"calloc clears the memory before it hands it out, and memory that was used before must be "
         "written for it. Where all of it is overwritten before it is read, malloc does; where the "
         "buffer can be kept for the next time, not even that is needed.",
         "char *buffer = malloc(size);       /* instead of calloc(size, 1) */\n"
         "size_t got = fread(buffer, 1, size, in);"},
    [FINDING_GROWTH] =
        {"Each step makes a new block, copies what was there, and frees the old one: n pieces copy "
         "about n/2 times the final size. Keep length and room apart, and double the room when it "
         "is used up: each byte is then copied about once, in log n steps. Where the final length "
         "is known, ask for it at once.",
         "if (length + more > room) {\n"
         "    room = (length + more) * 2;\n"
         "    text = realloc(text, room);    /* with the check that belongs to it */\n"
         "}\n"
         "memcpy(text + length, piece, more);\n"
         "length += more;"},
    [FINDING_PRESIZE] =
        {"The block is grown as it should be, by doubling; but it nearly always ends at the same "
         "size. Ask for that size first: the steps on the way, and their copies, fall away, and a "
         "block that needs more can still double.",
         "size_t room = EXPECTED_ITEMS;      /* what nearly all need */\n"
         "item *items = malloc(room * sizeof *items);"},
    [FINDING_MANY_STEPS] =
        {"The result is put together in a fixed small number of steps, and each step is a block "
         "that the next one replaces. Measure first, then make the result with one allocation of "
         "the right size; or write into a buffer of the caller's.",
         "int length = snprintf(NULL, 0, \"%s:%u%s\", host, port, path);\n"
         "char *url = malloc((size_t)length + 1);\n"
         "snprintf(url, (size_t)length + 1, \"%s:%u%s\", host, port, path);"},
    [FINDING_BOXED] =
        {"Each value has a block of its own, although it is no larger than the pointer to it: the "
         "block costs a call to make and one to free, several times the value's memory, and a "
         "cache miss to read. Hold the values themselves in the array or the structure.",
         "uint64_t *numbers = malloc(n * sizeof *numbers);   /* not uint64_t ** */\n"
         "numbers[i] = value;"},
    [FINDING_SCRATCH] =
        {"These blocks never outlive the call that makes them, and they are small: they can be "
         "variables. Where the size varies, a buffer on the stack serves the usual case, and "
         "malloc only what does not fit.",
         "char small[256];\n"
         "char *buffer = size <= sizeof small ? small : malloc(size);\n"
         "...\n"
         "if (buffer != small) {\n"
         "    free(buffer);\n"
         "}"},
    [FINDING_TEMPORARY] =
        {"The caller frees the block before anything else is allocated: it was only a way to hand "
         "over a result. Return small values themselves, let the caller pass the place where "
         "the result goes, or keep one block and use it again.",
         "struct point middle(struct point a, struct point b);      /* by value */\n"
         "void middle_into(struct point *ret, struct point a, struct point b);"},
    [FINDING_ARENA] =
        {"These blocks are made one by one and die together. An arena hands out pieces of a few "
         "large blocks, one behind the other, and at the end frees those: no call for each piece, "
         "no walk through all of them, and neighbours stay neighbours in memory.",
         "struct node *node = arena_take(&arena, sizeof *node);     /* bump a pointer */\n"
         "...\n"
         "arena_free(&arena);                                       /* all at once */"},
    [FINDING_POOL] =
        {"Blocks of the same sizes are made again and again, and only few are alive at once. Keep "
         "them: put a block back into a list instead of freeing it, and take the next one from "
         "there. Hand over what is in a block before it is put back, and be ready for an empty "
         "pool.",
         "struct buffer *b = pool_take(&pool);   /* from the list, or malloc when it is empty */\n"
         "use(b);\n"
         "pool_put(&pool, b);                    /* keeps its capacity for the next one */"},
    [FINDING_COLD_POOL] =
        {"Blocks of the same sizes live for long, as those of a pool or a cache do, and yet they "
         "are freed and made again. If it is a pool, it is cleared too often, or too small: when "
         "it is full, each block put back is freed, and the next one taken is allocated.",
         "enum { POOL_BLOCKS = 64 };             /* at least as many as are alive at once */"},
    [FINDING_OVERSIZED] =
        {"The allocator rounds each request up and adds a header, and for blocks this small that "
         "is a good part of their memory. Put several into one block: an array instead of a list, "
         "one block for a structure and what belongs to it.",
         "struct entry { struct entry *next; size_t length; char text[]; };\n"
         "struct entry *e = malloc(sizeof *e + length + 1);         /* one block, not two */"},
    [FINDING_RETAINED] =
        {"These large blocks are most of what the program holds, for most of the time. If only a "
         "small part of each is still needed, a view into it keeps all of it: copy what is kept "
         "and free the rest. If all of it is in use, there is nothing to do.",
         "char *kept = strndup(buffer + at, length);   /* not a pointer into buffer */\n"
         "free(buffer);"},
    [FINDING_LEAK] =
        {"Blocks made here are left over all along the run. Look at every way out of the functions "
         "that hold them: an early return, an error, an entry that is replaced in a table. One way "
         "out that frees is easier to keep right than many.",
         "int result = -1;\n"
         "char *record = make_record(request);\n"
         "if (is_accepted(request)) {\n"
         "    result = answer(record);\n"
         "}\n"
         "free(record);                       /* the one way out */\n"
         "return result;"},
    [FINDING_PING_PONG] =
        {"One thread allocates, another frees: the block goes back to the first thread's arena, "
         "and both wait for its lock. Let the consumer hand blocks back to the producer in "
         "batches, or copy small messages into a ring that is allocated once.",
         "batch[count++] = block;             /* the consumer */\n"
         "if (count == BATCH) {\n"
         "    queue_return(producer, batch, count);\n"
         "}"},
    [FINDING_SLOW_CALLS] =
        {"Nearly all calls here are fast, a few take very long. Memory touched for the first time, "
         "blocks above the mmap threshold, a contended lock, and the scheduler all look like this. "
         "Memory that is kept and used again has none of these, and what must be fast should "
         "allocate before it starts.",
         "mallopt(M_MMAP_THRESHOLD, 64 << 20);   /* large blocks from the heap, and kept there */\n"
         "mallopt(M_TRIM_THRESHOLD, 128 << 20);"},
};

void finding_add(struct finding *finding, const char *name, const char *words,
                 enum finding_unit unit, uint64_t value)
{
    if (finding->number_count < FINDING_NUMBERS_MAX) {
        finding->numbers[finding->number_count++] =
            (struct finding_number){.name = name, .words = words, .unit = unit, .value = value};
    }
}

bool finding_is_up_to(uint64_t value, uint64_t max)
{
    return value <= loglin_value(loglin_code(max));
}

const char *finding_name(enum finding_kind kind)
{
    return names[kind];
}

const char *finding_line(enum finding_kind kind)
{
    return lines[kind];
}

const char *finding_advice(enum finding_kind kind)
{
    return texts[kind].advice;
}

const char *finding_example(enum finding_kind kind)
{
    return texts[kind].example;
}

const char *finding_advice_of(const struct finding *finding)
{
    const char *advice = finding_cause_advice(finding->cause_kind);
    return advice != NULL ? advice : finding_advice(finding->kind);
}

const char *finding_example_of(const struct finding *finding)
{
    const char *example = finding_cause_example(finding->cause_kind);
    return example != NULL ? example : finding_example(finding->kind);
}

const char *finding_confidence_name(enum finding_confidence confidence)
{
    static const char *const confidences[] = {
        [FINDING_LOW] = "low", [FINDING_MEDIUM] = "medium", [FINDING_HIGH] = "high"};
    return confidences[confidence];
}

bool finding_parse(const char *name, enum finding_kind *ret)
{
    for (unsigned i = 0; i < FINDING_KINDS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum finding_kind)i;
            return true;
        }
    }
    return false;
}
