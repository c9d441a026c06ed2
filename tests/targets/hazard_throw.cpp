// Exceptions that leave allocations half done: operator new that throws, new handlers that do.
extern "C" {
#include <unistd.h>
}
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

namespace
{
unsigned long long allocs;
unsigned long long frees;
unsigned long long bytes;

struct refused : std::runtime_error {
    refused() : std::runtime_error("no memory, says the handler")
    {
    }
};

void handler()
{
    throw refused();
}

char *take(std::size_t size)
{
    char *block = new char[size];
    allocs++;
    bytes += size;
    return block;
}

void give(char *block)
{
    delete[] block;
    frees++;
}

__attribute__((noinline)) void ask_for_too_much(int depth)
{
    if (depth > 0) {
        ask_for_too_much(depth - 1);
        asm volatile("");
        return;
    }
    volatile std::size_t much = static_cast<std::size_t>(1) << 62;
    give(take(much));
}
} // namespace

int main()
{
    int caught = 0;
    for (int i = 0; i < 500; i++) {
        std::set_new_handler(i % 2 == 0 ? handler : nullptr);
        give(take(40));
        try {
            ask_for_too_much(i % 30);
        } catch (const refused &) {
            caught++;
        } catch (const std::bad_alloc &) {
            caught += 1000;
        }
        give(take(50));
    }
    std::printf("caught %d\n", caught);
    std::fflush(stdout);
    char line[128];
    int len = std::snprintf(line, sizeof line, "allocs=%llu frees=%llu bytes=%llu\n", allocs, frees,
                            bytes);
    return write(1, line, static_cast<std::size_t>(len)) == len ? 0 : 1;
}
