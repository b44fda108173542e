"""@platformatic/kafka (npm): the program beside this file."""
