// json_value FILE PATH: prints the value at a dotted path of a JSON file, as JSON (an element of a
// list by its number from 0); exit 1 when there is none.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  std::ifstream in(argv[1]);
  nlohmann::json value = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  std::istringstream path(argv[2]);
  for (std::string key; std::getline(path, key, '.');) {
    if (value.is_array() && key.find_first_not_of("0123456789") == std::string::npos &&
        std::stoul(key) < value.size()) {
      value = nlohmann::json(value[std::stoul(key)]);
    } else {
      if (!value.is_object() || !value.contains(key)) return 1;
      value = nlohmann::json(value[key]);
    }
  }
  std::cout << value.dump() << "\n";
}
