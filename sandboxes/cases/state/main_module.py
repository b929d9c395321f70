# Code under the usual guard runs.
if __name__ == "__main__":
    print("main")
# expected
#> main
