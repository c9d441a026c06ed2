/* Name spaces, methods, templates, lambdas, inlined library code: C++ for symbol/ to name. */
#include <map>
#include <string>
#include <vector>

namespace shop
{
template <typename T> struct box {
    explicit box(T start) : held(start)
    {
    }
    T held;
    __attribute__((noinline)) T twice(const std::vector<T> &all) const
    {
        T sum = held;
        for (const T &one : all) {
            sum += one;
        }
        return sum + held;
    }
};

class counter
{
  public:
    ~counter();
    void add(const std::string &word);
    int operator()(int by) const;

  private:
    std::map<std::string, int> counts;
};

__attribute__((noinline)) counter::~counter()
{
}

__attribute__((noinline)) void counter::add(const std::string &word)
{
    counts[word + "!"]++;
}

__attribute__((noinline)) int counter::operator()(int by) const
{
    return static_cast<int>(counts.size()) * by;
}
} // namespace shop

static __attribute__((noinline)) int run(const std::vector<int> &numbers)
{
    shop::counter words;
    auto add = [&words](int number) { words.add(std::to_string(number)); };
    for (int number : numbers) {
        add(number);
    }
    return words(2) + shop::box<int>(3).twice(numbers) +
           static_cast<int>(shop::box<long>(3).twice({1, 2, 3}));
}

int main(int argc, char **)
{
    std::vector<int> numbers;
    for (int i = 0; i < argc + 5; i++) {
        numbers.push_back(i);
    }
    return run(numbers) == 0;
}
